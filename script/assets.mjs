// Copies the few front-end files that the pages use from node_modules to static/vendor (not in the repository).
// Whole packages would be 70 MB, and their leftover references break the manifest storage.
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const vendor = join(root, "static", "vendor");

const files = {
  "@tabler/core/dist/css/tabler.min.css": "tabler/tabler.min.css",
  "@tabler/core/dist/js/tabler.min.js": "tabler/tabler.min.js",
  "@tabler/core/LICENSE": "tabler/LICENSE",
  "echarts/LICENSE": "echarts/LICENSE",
  "echarts/NOTICE": "echarts/NOTICE",
  "@tabler/icons/LICENSE": "icons/LICENSE",
};

rmSync(vendor, { recursive: true, force: true });
for (const [from, to] of Object.entries(files)) {
  const source = join(modules, from);
  if (!existsSync(source)) {
    if (/(LICENSE|NOTICE)$/.test(from)) continue;
    throw new Error(`${from} is not in the package any more: correct the list in script/assets.mjs`);
  }
  const target = join(vendor, to);
  mkdirSync(dirname(target), { recursive: true });
  if (/\.(css|js)$/.test(from)) {
    // The maps are not copied, and a reference to a missing file stops collectstatic.
    const text = readFileSync(source, "utf8").replace(/\/\*# sourceMappingURL=[^*]*\*\/|^\/\/# sourceMappingURL=.*$/gm, "");
    writeFileSync(target, text);
  } else {
    copyFileSync(source, target);
  }
}

// Of ECharts only what our charts use: maps leave their data room on slow lines.
buildSync({
  entryPoints: [join(root, "script", "echarts.mjs")], outfile: join(vendor, "echarts", "echarts.min.js"), absWorkingDir: root,
  bundle: true, minify: true, format: "iife", target: "es2020", legalComments: "none", logLevel: "error",
});

// Icons: every outline name that a template or script of ours mentions as "icons/NAME.svg" or {% icon "NAME" %}, and the list
// below for names that are put together at run time. One sprite, so that a page fetches one file: <use href="…/icons.svg#NAME">.
const always = JSON.parse(readFileSync(join(root, "script", "icons.json"), "utf8"));
const outline = join(modules, "@tabler", "icons", "icons", "outline");
const wanted = new Set(always);
const scan = (folder) => {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const path = join(folder, name);
    if (path.startsWith(vendor)) continue;
    if (statSync(path).isDirectory()) scan(path);
    else if (/\.(html|js|svg|py)$/.test(name)) {
      const text = readFileSync(path, "utf8");
      for (const match of text.matchAll(/icons(?:\/([a-z0-9-]+)\.svg|\.svg#([a-z0-9-]+))|\{% icon ["']([a-z0-9-]+)["']/g)) {
        wanted.add(match[1] ?? match[2] ?? match[3]);
      }
    }
  }
};
scan(join(root, "templates"));
scan(join(root, "static"));

const icons = join(vendor, "icons");
mkdirSync(icons, { recursive: true });
let sprite = '<svg xmlns="http://www.w3.org/2000/svg">';
const missing = [];
for (const name of [...wanted].sort()) {
  const source = join(outline, `${name}.svg`);
  if (!existsSync(source)) {
    missing.push(name);
    continue;
  }
  const text = readFileSync(source, "utf8").replace(/<!--[\s\S]*?-->\s*/, "");
  writeFileSync(join(icons, `${name}.svg`), text);
  const inner = text.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").replace(/\s*\n\s*/g, "");
  sprite += `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
}
writeFileSync(join(icons, "icons.svg"), `${sprite}</svg>\n`);
if (missing.length) {
  console.error(`No such outline icon: ${missing.join(", ")}. Correct the name where it is used, or in script/icons.json.`);
  process.exitCode = 1;
}
