// `init`, `create` and `types`: the files that authors start from. None connects to anything.
import { mkdir, writeFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { moduleSystemOf } from '../../migration/projectFolder';
import {
  createMigrationFile,
  languageNames,
  renderTemplate,
  templateExtensions,
  templateKinds,
  type TemplateLanguage,
} from '../../migration/templates';
import {
  typesAreMissing,
  typesFileIn,
  typesFileName,
  typesReference,
  writeTypes,
} from '../../migration/typesFile';
import { findConfigFile } from '../../project/configFiles';
import { ExitCode, UserError } from '../../protocol/errors';
import type { Output } from '../output';
import { type GlobalOptions, readConfig } from '../session';

const jsonConfig = `{
  "migrationsDir": "migrations",
  "connections": {
    "local": { "uri": "\${env:MIGRATORY_URI}", "database": "test" }
  },
  "defaultConnection": "local"
}
`;
const typeScriptConfig = `import { defineConfig } from 'migratory';

export default defineConfig({
  migrationsDir: 'migrations',
  connections: {
    local: { uri: '\${env:MIGRATORY_URI}', database: 'test' },
  },
  defaultConnection: 'local',
});
`;

export async function initCommand(
  output: Output,
  _globals: GlobalOptions,
  { ts = false }: { ts?: boolean },
): Promise<number> {
  const root = process.cwd();
  const there = await findConfigFile(root);
  if (there !== null) {
    throw new UserError(`There is a config already: ${relative(root, there)}. Nothing was written.`, {
      exitCode: ExitCode.usage,
    });
  }
  const file = ts ? 'migratory.config.ts' : 'migratory.config.json';
  const folder = join(root, 'migrations');
  const needsTypes = ts && (await typesAreMissing(folder));
  const reference = needsTypes ? typesReference(`./migrations/${typesFileName}`) : '';
  await writeFile(join(root, file), ts ? `${reference}${typeScriptConfig}` : jsonConfig, { flag: 'wx' });
  await mkdir(folder, { recursive: true });
  output.say(`Wrote ${file} and made the folder migrations.`);
  if (needsTypes) sayTypes(output, folder, await writeTypes(folder, root));
  return ExitCode.done;
}

/** `types`: for projects that have not installed this package. */
export async function typesCommand(output: Output, globals: GlobalOptions): Promise<number> {
  const { migrationsDir } = await readConfig(globals);
  sayTypes(output, migrationsDir, await writeTypes(migrationsDir, process.cwd()));
  return ExitCode.done;
}

function sayTypes(output: Output, folder: string, names: readonly string[]): void {
  const files = names.map((name) => relative(process.cwd(), join(folder, name)));
  output.say(`Wrote ${files.join(' and ')}, so that editors know the types of migrations.`);
}

export async function createCommand(
  output: Output,
  globals: GlobalOptions,
  description: string,
  { template = 'script', language: given }: { template?: string; language?: string },
): Promise<number> {
  const config = await readConfig(globals);
  // `--template python` says enough.
  const named = Object.hasOwn(languageNames, template) ? template : undefined;
  const language = languageOf(given ?? named, config.file);
  const kinds = templateKinds(language);
  const kind = named === language ? 'script' : kinds.find((known) => known === template);
  if (kind === undefined) {
    throw new UserError(
      `There is no template "${template}" for ${languageNames[language]}. There are: ${kinds.join(', ')}.`,
      { exitCode: ExitCode.usage },
    );
  }
  const folder = config.migrationsDir;
  const text = renderTemplate(kind, {
    language,
    moduleSystem: await moduleSystemOf(folder, process.cwd()),
    description,
    typesFile: await typesFileIn(folder),
  });
  const written = await createMigrationFile(folder, description, text, templateExtensions[language]);
  output.say(`Created ${relative(process.cwd(), written)}`);
  return ExitCode.done;
}

/** The one that was asked for, else that of the config. */
function languageOf(given: string | undefined, configFile: string | null): TemplateLanguage {
  if (given === undefined) return extname(configFile ?? '').endsWith('ts') ? 'typescript' : 'javascript';
  const known = (Object.keys(languageNames) as TemplateLanguage[]).find(
    (name) => name === given.toLowerCase(),
  );
  if (known) return known;
  throw new UserError(
    `There is no language "${given}". There are: ${Object.keys(languageNames).join(', ')}.`,
    {
      exitCode: ExitCode.usage,
    },
  );
}
