// The public surface of the package as text, and the types that it shows and does not name: what the
// declarations say that are published.
import { dirname, relative, resolve } from 'node:path';
import ts from 'typescript';
import { root } from '../program.js';

/** What each import path leads to. */
export const ENTRIES = {
  frameloom: 'src/index.ts',
  'frameloom/video': 'src/entries/video.ts',
  'frameloom/train': 'src/entries/train.ts',
  'frameloom/play': 'src/entries/play.ts',
} as const;

export interface ApiReport {
  readonly text: string;
  /** `entry: Name (file), shown by Other` of each type that cannot be named by who imports the entry. */
  readonly unnamed: readonly string[];
  /** What is exported without saying its type, so that a change of it would not be seen here. */
  readonly inferred: readonly string[];
}

/** A declaration, wherever it is exported. */
interface Place {
  readonly file: string;
  readonly name: string;
}

const idOf = ({ file, name }: Place): string => `${file}#${name}`;

/** The sources, bound and not checked: of packages nothing is read, and of Node's types neither. */
function createProgram(files: readonly string[]): ts.Program {
  const options: ts.CompilerOptions = { noLib: true, types: [], target: ts.ScriptTarget.ES2022 };
  const host = ts.createCompilerHost(options, true);
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      const resolvedFileName = resolve(dirname(from), text).replace(/\.js$/, '.ts');
      const isOurs = text.startsWith('.') && resolvedFileName.endsWith('.ts');
      const found = { resolvedFileName, extension: ts.Extension.Ts };
      return { resolvedModule: isOurs ? found : undefined };
    });
  return ts.createProgram(
    files.map((file) => resolve(root, file)),
    options,
    host,
  );
}

/** The declarations of a file, and the names of those that are not annotated in full. */
interface Declarations {
  readonly file: ts.SourceFile;
  readonly inferred: ReadonlySet<string>;
}

function declarationsOf(source: ts.SourceFile): Declarations {
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(source.text, {
    fileName: source.fileName,
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, strict: true },
  });
  const inferred = diagnostics.flatMap(({ start = 0 }) =>
    source.statements
      .filter(({ pos, end }) => pos <= start && start < end)
      .flatMap(nameOfStatement),
  );
  const path = source.fileName.replace(/ts$/, 'd.ts');
  return {
    file: ts.createSourceFile(path, outputText, ts.ScriptTarget.ES2022, true),
    inferred: new Set(inferred),
  };
}

const nameOfStatement = (statement: ts.Statement): string[] => {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const named = statement as { readonly name?: ts.Identifier };
  return named.name && ts.isIdentifier(named.name) ? [named.name.text] : [];
};

/** Names that a file imports from others of ours, with where they come from. */
function importsOf(file: ts.SourceFile, source: string): Map<string, Place> {
  const found = new Map<string, Place>();
  const bring = (specifier: ts.Expression, names: ts.NodeArray<ts.ImportSpecifier>): void => {
    if (!ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return;
    const target = resolve(dirname(source), specifier.text).replace(/js$/, 'ts');
    for (const { name, propertyName } of names) {
      found.set(name.text, { file: target, name: (propertyName ?? name).text });
    }
  };
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (bindings && ts.isNamedImports(bindings))
      bring(statement.moduleSpecifier, bindings.elements);
  }
  return found;
}

/** Types that a declaration shows: by name, or by `import('./x.js').Name`. Type parameters are not. */
function typesIn(node: ts.Node, source: string): (string | Place)[] {
  const found: (string | Place)[] = [];
  const own = new Set<string>();
  const visit = (child: ts.Node): void => {
    if (ts.isTypeParameterDeclaration(child)) own.add(child.name.text);
    if (ts.isTypeReferenceNode(child) || ts.isExpressionWithTypeArguments(child)) {
      const name = ts.isTypeReferenceNode(child) ? child.typeName : child.expression;
      if (ts.isIdentifier(name)) found.push(name.text);
    }
    if (ts.isImportTypeNode(child) && ts.isLiteralTypeNode(child.argument)) {
      const { literal } = child.argument;
      if (ts.isStringLiteral(literal) && literal.text.startsWith('.') && child.qualifier) {
        const file = resolve(dirname(source), literal.text).replace(/js$/, 'ts');
        found.push({ file, name: child.qualifier.getText() });
      }
    }
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found.filter((each) => typeof each !== 'string' || !own.has(each));
}

/** What the package exports, declaration by declaration. */
export function apiReport(): ApiReport {
  const program = createProgram(Object.values(ENTRIES));
  const checker = program.getTypeChecker();
  const known = new Map<string, Declarations>();
  const declarations = (path: string): Declarations => {
    const found = known.get(path) ?? declarationsOf(program.getSourceFile(path)!);
    known.set(path, found);
    return found;
  };
  const printer = ts.createPrinter({ removeComments: true });
  const placeOf = (symbol: ts.Symbol): Place | undefined => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const [declaration] = target.declarations ?? [];
    // What takes its type from another call is shown as that one.
    if (declaration && ts.isVariableDeclaration(declaration) && declaration.type) {
      const { type } = declaration;
      const meant = ts.isTypeQueryNode(type) && checker.getSymbolAtLocation(type.exprName);
      if (meant) return placeOf(meant);
    }
    const file = declaration?.getSourceFile().fileName;
    return file === undefined ? undefined : { file, name: target.name };
  };
  const statementsOf = ({ file, name }: Place): ts.Statement[] =>
    declarations(file).file.statements.filter((each) => nameOfStatement(each).includes(name));
  /** Where a name that is re-exported is declared. */
  const declared = (place: Place): Place => {
    if (statementsOf(place).length > 0) return place;
    const source = program.getSourceFile(place.file);
    const module = source && checker.getSymbolAtLocation(source);
    const symbol = module && checker.getExportsOfModule(module).find((s) => s.name === place.name);
    return (symbol && placeOf(symbol)) ?? place;
  };
  const lists: string[] = [];
  const texts = new Map<string, string>();
  const unnamed = new Set<string>();
  const inferred = new Set<string>();
  for (const [entry, path] of Object.entries(ENTRIES)) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(resolve(root, path))!)!;
    const exported = new Map<string, string>();
    for (const symbol of checker.getExportsOfModule(module)) {
      const place = placeOf(symbol);
      if (place) exported.set(idOf(place), symbol.name);
    }
    const names = [...exported.values()].sort((a, b) => (a < b ? -1 : 1));
    lists.push(`## ${entry}\n\n${names.join(', ')}\n`);
    const seen = new Set<string>();
    const show = (place: Place, shownBy: string): void => {
      const id = idOf(place);
      if (seen.has(id)) return;
      seen.add(id);
      const statements = statementsOf(place);
      if (statements.length === 0) return;
      if (!exported.has(id)) {
        unnamed.add(`${entry}: ${place.name} (${relative(root, place.file)}), shown by ${shownBy}`);
      }
      const { file, inferred: unsaid } = declarations(place.file);
      const called = exported.get(id) ?? place.name;
      if (unsaid.has(place.name)) inferred.add(called);
      const text = statements.map((each) =>
        // Of a constant whose type is made of its value, such as a schema, the name is said.
        unsaid.has(place.name) && ts.isVariableStatement(each)
          ? `const ${place.name}: …;`
          : printer.printNode(ts.EmitHint.Unspecified, each, file),
      );
      texts.set(`${called} ${id}`, text.join('\n').replace(/^export (declare )?/gm, ''));
      const imports = importsOf(file, place.file);
      for (const statement of statements) {
        for (const type of typesIn(statement, place.file)) {
          const next =
            typeof type !== 'string'
              ? type
              : (imports.get(type) ?? { file: place.file, name: type });
          show(declared(next), place.name);
        }
      }
    };
    for (const id of exported.keys()) {
      const [file, name] = id.split('#') as [string, string];
      show({ file, name }, entry);
    }
  }
  const all = [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  const text = `# What the package exports

Made from the declarations by a test; \`npx vitest run test/api -u\` writes it anew. A change here is a
change for whoever imports the package.

${lists.join('\n')}
## Declarations

\`\`\`ts
${all.join('\n\n')}
\`\`\`
`;
  return { text, unnamed: [...unnamed].sort(), inferred: [...inferred].sort() };
}
