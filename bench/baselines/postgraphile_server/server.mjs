// PostGraphile 5 on the benchmark's tables, with the same token check, and with row-level security by the same role and setting.
import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

// PostGraphile requires Node.js 22; this is the only function that Node.js 20 lacks.
Promise.withResolvers ??= function () {
  const deferred = {};
  deferred.promise = new this((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
};

const { DATABASE_URL, DATABASE_POOL_SIZE, JWT_SECRET } = process.env;
const port = Number(process.argv[2]);

function subject(request) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Bearer") return ""; // without a user the policies expose no rows
  return jwt.verify(token, JWT_SECRET, { algorithms: ["HS256"] }).sub;
}

const preset = {
  extends: [PostGraphileAmberPreset],
  // It hides relations whose only index is partial, such as the index on the active tasks of a list.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [
    makePgService({
      connectionString: DATABASE_URL,
      schemas: ["public"],
      poolConfig: { max: Number(DATABASE_POOL_SIZE) },
    }),
  ],
  grafast: {
    context: ({ node }) => ({ pgSettings: { role: "todo_app", "app.user_id": subject(node.req) } }),
  },
  grafserv: { graphiql: false },
};

const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(port, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
