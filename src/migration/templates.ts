// New migrations: the name of the file and the text it starts with. What a person typed stands in it as a string
// literal only.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode, UserError } from '../protocol/errors';
import type { PythonTemplateKind, TemplateKind } from './templateBodies';
import { javaScriptBodies, pythonBodies } from './templateBodies';
import { typesReference } from './typesFile';

export type { TemplateKind };
export type TemplateLanguage = 'javascript' | 'typescript' | 'python';

export const languageNames: Record<TemplateLanguage, string> = {
  javascript: 'JavaScript',
  typescript: 'TypeScript',
  python: 'Python',
};

export const templateExtensions: Record<TemplateLanguage, string> = {
  javascript: '.js',
  typescript: '.ts',
  python: '.py',
};

/** In the order in which they are offered. Python has scripts only. */
export function templateKinds(language: TemplateLanguage): TemplateKind[] {
  return Object.keys(language === 'python' ? pythonBodies : javaScriptBodies) as TemplateKind[];
}

export interface TemplateOptions {
  language: TemplateLanguage;
  /** How JavaScript exports; TypeScript is always a module. */
  moduleSystem: 'commonjs' | 'esm';
  /** Stands in the migration when given; without it the file's name counts. */
  name?: string;
  description?: string;
  /** A file with types, beside the new one, that it shall refer to. */
  typesFile?: string;
}

/**
 * The text of a new migration.
 * @throws Error for a kind that the language does not have.
 */
export function renderTemplate(kind: TemplateKind, options: TemplateOptions): string {
  if (options.language === 'python') return python(kind, options.description);
  const { typesFile } = options;
  const reference = typesFile === undefined ? '' : typesReference(`./${typesFile}`);
  return `${reference}${javaScript(kind, options)}`;
}

function javaScript(kind: TemplateKind, options: TemplateOptions): string {
  const fields = [literalField('name', options.name), literalField('description', options.description)];
  const body = `{\n${fields.join('')}${javaScriptBodies[kind]}}`;
  if (options.language === 'javascript' && options.moduleSystem === 'commonjs') {
    return `/** @type {import('migratory').${typeNames[kind]}} */\nmodule.exports = ${body};\n`;
  }
  return `import { defineMigration } from 'migratory';\n\nexport default defineMigration(${body});\n`;
}

/**
 * `20240131174501-add_status.js`: UTC to the second and the description, as migrate-mongo names it.
 * @param extension with its dot.
 * @throws UserError when nothing of the description can stand in a file's name.
 */
export function newMigrationFileName(description: string, extension: string, now = new Date()): string {
  const words = fileWords(description);
  if (words === '') {
    throw new UserError('A new migration needs a description; it becomes a part of the file’s name.', {
      action: { label: 'Describe it in a few words', cli: 'migratory create "add status"' },
      exitCode: ExitCode.usage,
    });
  }
  const stamp = now.toISOString().replace(/\D/g, '').slice(0, 14);
  return `${stamp}-${words}${extension}`;
}

/** What of a description can stand in a file's name, at most 60 characters; empty when nothing can. */
export function fileWords(description: string): string {
  const words = description
    .trim()
    // What some file system refuses, and what would lead out of the folder.
    .replace(/[\s\\/:*?"<>|\p{Cc}]+/gu, '_')
    .replace(/^[._]+|[._]+$/g, '');
  return Array.from(words).slice(0, 60).join('');
}

/**
 * Writes a new migration into `dir` (made when it is missing) and gives its path. A file is never overwritten:
 * when the name is taken, the next second is.
 */
export async function createMigrationFile(
  dir: string,
  description: string,
  text: string,
  extension: string,
  now = new Date(),
): Promise<string> {
  await mkdir(dir, { recursive: true });
  for (let time = now; ; time = new Date(time.getTime() + 1000)) {
    const path = join(dir, newMigrationFileName(description, extension, time));
    try {
      await writeFile(path, text, { flag: 'wx' });
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function literalField(field: string, value: string | undefined): string {
  return value === undefined || value === '' ? '' : `  ${field}: ${literal(value)},\n`;
}

/** A string literal in single quotes, valid in JavaScript whatever the text. */
export function literal(text: string): string {
  const inside = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inside.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`;
}

const typeNames: Record<TemplateKind, string> = {
  script: 'ScriptMigration',
  transform: 'TransformMigration',
  update: 'TransformMigration',
  pipeline: 'PipelineMigration',
  index: 'ScriptMigration',
  convert: 'ScriptMigration',
  extract: 'ScriptMigration',
  split: 'ScriptMigration',
};

function python(kind: TemplateKind, description: string | undefined): string {
  if (!Object.hasOwn(pythonBodies, kind)) throw new Error(`Python has no template "${kind}"`);
  const head = description === undefined || description === '' ? '' : `"""${docstring(description)}"""\n\n\n`;
  return `${head}${pythonBodies[kind as PythonTemplateKind]}`;
}

function docstring(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replace(/\s+/g, ' ').replaceAll('\0', '');
}
