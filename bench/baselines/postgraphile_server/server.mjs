// PostGraphile 5 on the benchmark's tables: the same token check, and row-level security by the same role and setting.
import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

// PostGraphile asks for Node.js 22; this is all that it misses in 20.
Promise.withResolvers ??= function () {
  const deferred = {};
  deferred.promise = new this((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
};

const { DATABASE_URL, DATABASE_POOL_SIZE, JWT_SECRET } = process.env;
const port = Number(process.argv[2]);

function subject(request) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Bearer") return ""; // without a user the policies show no row
  return jwt.verify(token, JWT_SECRET, { algorithms: ["HS256"] }).sub;
}

const preset = {
  extends: [PostGraphileAmberPreset],
  // It hides relations whose only index is partial, as that of the living tasks of a list is.
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
