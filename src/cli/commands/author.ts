// `init` and `create`: the files that authors start from. Neither connects to anything.
import { mkdir, writeFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import {
  createMigrationFile,
  renderTemplate,
  templateKinds,
  type TemplateKind,
} from '../../migration/templates';
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
  { ts }: { ts?: boolean },
): Promise<number> {
  const root = process.cwd();
  const there = await findConfigFile(root);
  if (there !== null) {
    throw new UserError(`There is a config already: ${relative(root, there)}. Nothing was written.`, {
      exitCode: ExitCode.usage,
    });
  }
  const file = ts ? 'migratory.config.ts' : 'migratory.config.json';
  await writeFile(join(root, file), ts ? typeScriptConfig : jsonConfig, { flag: 'wx' });
  await mkdir(join(root, 'migrations'), { recursive: true });
  output.say(`Wrote ${file} and made the folder migrations.`);
  return ExitCode.done;
}

export async function createCommand(
  output: Output,
  globals: GlobalOptions,
  description: string,
  { template = 'script' }: { template?: string },
): Promise<number> {
  const config = await readConfig(globals);
  const kind = templateKinds.find((known) => known === template);
  if (kind === undefined) {
    throw new UserError(`There is no template "${template}". There are: ${templateKinds.join(', ')}.`, {
      exitCode: ExitCode.usage,
    });
  }
  const written = await write(
    config.migrationsDir,
    description,
    kind,
    extname(config.file ?? '').endsWith('ts'),
  );
  output.say(`Created ${relative(process.cwd(), written)}`);
  return ExitCode.done;
}

function write(
  folder: string,
  description: string,
  kind: TemplateKind,
  typescript: boolean,
): Promise<string> {
  const language = typescript ? 'typescript' : 'javascript';
  const text = renderTemplate(kind, { language, moduleSystem: 'commonjs', description });
  return createMigrationFile(folder, description, text, typescript ? '.ts' : '.js');
}
