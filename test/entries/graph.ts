import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';

export interface ModuleGraph {
  /** Of ours, by path. */
  readonly files: readonly string[];
  /** Of packages and of Node, as they are imported, with who imports them first. */
  readonly outside: ReadonlyMap<string, string>;
}

/**
 * What a module loads when it is imported: types are not, and neither is what is imported later, by
 * `import()`, unless `all` says so.
 */
export function moduleGraph(entry: string, all = false): ModuleGraph {
  const files = new Set<string>();
  const outside = new Map<string, string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    const text = readFileSync(path, 'utf8');
    for (const specifier of importsOf(
      ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true),
      all,
    )) {
      if (!specifier.startsWith('.')) {
        if (!outside.has(specifier)) outside.set(specifier, path);
      } else {
        const target = resolve(dirname(path), specifier);
        visit(target.endsWith('.js') ? target.replace(/js$/, 'ts') : target);
      }
    }
  };
  visit(resolve(entry));
  return { files: [...files], outside };
}

function importsOf(source: ts.SourceFile, all: boolean): string[] {
  const found: string[] = [];
  const add = (node: ts.Expression | undefined): void => {
    if (node && ts.isStringLiteral(node)) found.push(node.text);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause;
      const named = clause?.namedBindings;
      const onlyTypes =
        clause !== undefined &&
        (clause.phaseModifier === ts.SyntaxKind.TypeKeyword ||
          (!clause.name &&
            named !== undefined &&
            ts.isNamedImports(named) &&
            named.elements.every((element) => element.isTypeOnly)));
      if (!onlyTypes) add(node.moduleSpecifier);
    } else if (ts.isExportDeclaration(node)) {
      const named = node.exportClause;
      const onlyTypes =
        node.isTypeOnly ||
        (named !== undefined &&
          ts.isNamedExports(named) &&
          named.elements.every((element) => element.isTypeOnly));
      if (!onlyTypes) add(node.moduleSpecifier);
    } else if (
      all &&
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword
    ) {
      add(node.arguments[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
