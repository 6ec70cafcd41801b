// Types for migrations of a project that has not installed this package: a file beside them that declares it. The
// text is made of our own declarations (tools/typesFile.ts) and held equal to them by a test.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbove, isInstalled, isThere } from './projectFolder';
import declared from './typesFile.json';

export const typesFileName = 'migratory-env.d.ts';

/** Makes an editor take the files of the folder for one project, where nothing else does. */
const projectFile = 'jsconfig.json';
const projectText = `{
  "compilerOptions": { "target": "es2023", "module": "nodenext", "strict": true, "skipLibCheck": true },
  "include": ["."]
}
`;

const head = `// Types of \`migratory\` for the migrations in this folder, written by Migratory. It goes when the package is installed.
`;
const driver = `  import type { ClientSession, Collection, Db, Document, Filter, MongoClient } from 'mongodb';
  export type { ClientSession, Collection, Db, Document, Filter, MongoClient };
`;
/** Without a driver there is nothing that could say more. */
const noDriver = `  // The project has no driver (package mongodb) whose types could stand here; write this file anew when it has.
  export type Document = { [key: string]: any };
  export type Filter<T> = { [key: string]: any };
  export type Collection<T = Document> = any;
  export type Db = any;
  export type MongoClient = any;
  export type ClientSession = any;
`;

/** Whether code in `dir` gets no types of \`migratory\` yet. */
export async function typesAreMissing(dir: string): Promise<boolean> {
  return !(await isThere(join(dir, typesFileName))) && !(await isInstalled('migratory', dir));
}

/** The types file that files in `dir` shall refer to, when it is there. */
export async function typesFileIn(dir: string): Promise<string | undefined> {
  return (await isThere(join(dir, typesFileName))) ? typesFileName : undefined;
}

/**
 * Writes the types into `dir`, and a project file for editors when none up to `root` counts for it.
 * @returns the names of the files that were written.
 */
export async function writeTypes(dir: string, root: string): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, typesFileName), typesText(await isInstalled('mongodb', dir)));
  if (await isAbove(['tsconfig.json', projectFile], dir, root)) return [typesFileName];
  await writeFile(join(dir, projectFile), projectText);
  return [typesFileName, projectFile];
}

/** @param withDriver the project has the driver, whose types are used then. */
export function typesText(withDriver: boolean): string {
  const body = declared.lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
  return `${head}declare module 'migratory' {\n${withDriver ? driver : noDriver}\n${body}\n}\n`;
}

/** The line that leads from a file to its types, in whatever project an editor puts it. */
export function typesReference(path: string): string {
  return `/// <reference path="${path}" />\n`;
}
