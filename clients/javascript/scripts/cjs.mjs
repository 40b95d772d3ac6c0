// Write the CommonJS half of dist/, for runners that load tests with `require`: each module by itself, its types beside it.
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import typescript from "typescript";

const options = { module: typescript.ModuleKind.CommonJS, target: typescript.ScriptTarget.ES2022 };
await mkdir("dist/cjs", { recursive: true });
await writeFile("dist/cjs/package.json", '{ "type": "commonjs" }\n');
for (const name of await readdir("dist")) {
  if (name === "vitest.js" || name === "vitest.d.ts") continue; // Vitest knows no other than ES modules
  if (name.endsWith(".d.ts")) await copyFile(`dist/${name}`, `dist/cjs/${name}`);
  else if (name.endsWith(".js")) {
    const text = await readFile(`dist/${name}`, "utf8");
    await writeFile(`dist/cjs/${name}`, typescript.transpileModule(text, { compilerOptions: options }).outputText);
  }
}
