// Write the types of mcmock's control API, from its OpenAPI document: the shapes and, per route, what it takes and gives.
//
//     mcmock exec --allow nothing-sent -- node scripts/types.mjs src/api.ts        from a running server
//     node scripts/types.mjs src/api.ts openapi.json          from a file
//
import { readFile, writeFile } from "node:fs/promises";

const [target, file] = process.argv.slice(2);
const PREFIX = "/__admin";
const REF = "#/components/schemas/";
const HEAD = `// Made by scripts/types.mjs from mcmock's OpenAPI document; \`npm run types\` makes it anew.\n`;

const document = file
  ? JSON.parse(await readFile(file, "utf8"))
  : await (await fetch(`${process.env.MCMOCK_URL}${PREFIX}/openapi.json`)).json();
const text = `${HEAD}\n${shapes(document)}\n${routes(document)}`;
await (target ? writeFile(target, text) : process.stdout.write(text));

/** The routes of the control API that speak JSON or text, each with the types of its body and its answer. */
function routes({ paths }) {
  const rows = Object.entries(paths)
    .filter(([path]) => path.startsWith(`${PREFIX}/`) && path !== `${PREFIX}/`)
    .flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => row(method, path, operation)));
  return `${comment("What each route of the control API takes as its body, and gives.")}export interface Routes {\n${rows.join("")}}\n`;
}

function row(method, path, { summary, requestBody, responses }) {
  const takes = requestBody ? `takes: ${type(json(requestBody), 1)}; ` : "";
  const gives = json(responses[200] ?? {});
  return `${comment(summary, 1)}  "${method.toUpperCase()} ${path.slice(PREFIX.length)}": { ${takes}gives: ${gives ? type(gives, 1) : "string"} };\n`;
}

function json({ content }) {
  return content?.["application/json"]?.schema;
}

/** Every shape that the control API names, directly or through another. */
function shapes({ paths, components }) {
  const named = new Set();
  const control = Object.entries(paths).filter(([path]) => path.startsWith(PREFIX));
  const open = [control];
  while (open.length) {
    for (const [, name] of JSON.stringify(open.pop()).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (!named.has(name)) {
        named.add(name);
        open.push(components.schemas[name]);
      }
    }
  }
  return Object.keys(components.schemas)
    .filter((name) => named.has(name))
    .map((name) => shape(typeName(name), components.schemas[name]))
    .join("\n");
}

function shape(name, schema) {
  const made = type(schema, 0);
  const head = comment(schema.description);
  return made.startsWith("{\n") ? `${head}export interface ${name} ${made}\n` : `${head}export type ${name} = ${made};\n`;
}

/** `Error` would hide JavaScript's own. */
function typeName(name) {
  return name === "Error" ? "Refusal" : name[0].toUpperCase() + name.slice(1);
}

function type(schema, depth) {
  if (schema.$ref) return typeName(schema.$ref.slice(REF.length));
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return union(schema.enum.map((one) => JSON.stringify(one)));
  if (schema.anyOf ?? schema.oneOf) return union((schema.anyOf ?? schema.oneOf).map((one) => type(one, depth)));
  if (Array.isArray(schema.type)) return union(schema.type.map((one) => type({ ...schema, type: one }, depth)));
  switch (schema.type) {
    case "array":
      return schema.prefixItems ? `[${schema.prefixItems.map((one) => type(one, depth)).join(", ")}]` : list(type(schema.items ?? {}, depth));
    case "object":
      return object(schema, depth);
    case "integer":
    case "number":
      return "number";
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    default:
      return "unknown";
  }
}

function union(types) {
  return [...new Set(types)].join(" | ");
}

function list(item) {
  return item.includes(" | ") ? `Array<${item}>` : `${item}[]`;
}

function object({ properties, required = [], additionalProperties }, depth) {
  if (!properties) return `Record<string, ${typeof additionalProperties === "object" ? type(additionalProperties, depth) : "unknown"}>`;
  const inner = depth + 1;
  const fields = Object.entries(properties).map(([name, schema]) => {
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
    return `${comment(schema.description, inner)}${"  ".repeat(inner)}${key}${required.includes(name) ? "" : "?"}: ${type(schema, inner)};\n`;
  });
  return `{\n${fields.join("")}${"  ".repeat(depth)}}`;
}

function comment(about, depth = 0) {
  return about ? `${"  ".repeat(depth)}/** ${about.replaceAll("*/", "*\\/")} */\n` : "";
}
