// A client of the REST API as an application writes it: it must compile against the types that openapi-typescript generates.
import createClient from "openapi-fetch";

import type { components, paths } from "./schema";

type Schemas = components["schemas"];

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000", headers: { Authorization: "Bearer …" } });

function describe(problem: Schemas["Problem"]): string {
  const code: Schemas["ErrorCode"] = problem.error_code;
  switch (code) {
    case "INVALID_INPUT":
      return (problem.errors ?? []).map(({ pointer, detail }) => `${pointer}: ${detail}`).join("\n");
    case "PRECONDITION_FAILED":
      return `changed to revision ${String(problem.current?.["revision"])}`;
    default:
      return problem.detail;
  }
}

export async function openTasks(): Promise<string[]> {
  const query = { include: "tags,list", limit: 20 };
  const { data, error } = await client.GET("/api/{user_id}/tasks", { params: { path: { user_id: "me" }, query } });
  if (error) throw new Error(describe(error));
  return data.map((task) => `${task.title} (${task.list?.name ?? "no list"}): ${(task.tags ?? []).map((tag) => tag.name).join(", ")}`);
}

export async function createToken(): Promise<string | undefined> {
  const { data } = await client.POST("/api/auth/tokens", { body: { name: "Nightly report", scopes: ["tasks:read"] } });
  return data?.token;
}

export async function renameTask(id: string, title: string): Promise<Schemas["Task"] | undefined> {
  const { data } = await client.PATCH("/api/{user_id}/tasks/{id}", { params: { path: { user_id: "me", id } }, body: { title } });
  return data;
}

// @ts-expect-error Tags are absent unless they are included.
export const countTags = (task: Schemas["Task"]): number => task.tags.length;
// @ts-expect-error Not an error code.
export const isMissing = (problem: Schemas["Problem"]): boolean => problem.error_code === "MISSING";
