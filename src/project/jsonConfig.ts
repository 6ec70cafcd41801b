// Reads a config in JSON; no code runs.
import { readFile } from 'node:fs/promises';
import { configError } from './configErrors';

/**
 * @param name what messages call the file.
 * @throws UserError when it is missing, empty or no JSON, with line and column.
 */
export async function readJsonConfig(file: string, name: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const message =
      error.code === 'ENOENT'
        ? `There is no config file ${name}.`
        : `${name} cannot be read: ${error.message}.`;
    throw configError(file, message, 'Check the name', { cause: error });
  });
  const json = text.replace(/^\uFEFF/, '');
  if (json.trim() === '') throw configError(file, `${name} is empty.`, 'Fill it or delete it');
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    const { message } = error as SyntaxError;
    const offset = Number(/position (\d+)/.exec(message)?.[1] ?? json.length);
    const before = json.slice(0, offset).split('\n');
    const line = before.length;
    const column = (before.at(-1) ?? '').length + 1;
    throw configError(
      file,
      `${name} is no valid JSON (line ${line}, column ${column}).`,
      'Correct the JSON',
      {
        location: { line, column },
        cause: error,
      },
    );
  }
}
