// Where a squashed migration stands and where the old files go: among the others in their place of the order, and into a
// folder that nobody searches. Nothing is overwritten, and what cannot be finished is taken back.
import { mkdir, rename, rmdir, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { compareNames } from '../../migration/files';
import { isThere } from '../../migration/projectFolder';
import { fileWords } from '../../migration/templates';
import { ExitCode, UserError } from '../../protocol/errors';

/** Folders with a dot are no folders of migrations, also where folders inside are searched. */
const archive = '.squashed';

export interface Move {
  from: string;
  to: string;
}

export interface Place {
  /** The new file. */
  file: string;
  /** What becomes of the old ones. */
  moves: Move[];
}

/**
 * @param files the old ones in their order.
 * @param next the file that comes after them.
 * @param taken names that the ledger or the folder knows already.
 * @throws UserError when no name stands before the next file.
 */
export function placeFor(
  files: readonly string[],
  next: string | undefined,
  description: string,
  taken: ReadonlySet<string>,
): Place {
  const words = fileWords(description);
  if (words === '')
    throw new UserError('The name becomes a part of the file’s name; nothing of this one can stand there.', {
      exitCode: ExitCode.usage,
    });
  const [first, last] = [files[0]!, files.at(-1)!];
  const extension = extname(last) === '.py' ? '.js' : extname(last);
  const names = [last, first].flatMap((path) => {
    const stem = basename(path, extname(path));
    const digits = /^\d+/.exec(stem)?.[0];
    return [...(digits === undefined ? [] : [digits]), stem].map((start) => `${start}-${words}${extension}`);
  });
  const name = names.find(
    (each) => !taken.has(each) && (next === undefined || compareNames(each, basename(next)) < 0),
  );
  if (name === undefined)
    throw new UserError(
      `No name for the new file is free that comes before ${basename(next ?? last)}: tried ${names[0]}. Choose another with --name.`,
      { exitCode: ExitCode.usage },
    );
  const folder = dirname(last);
  const into = join(folder, archive, basename(name, extension));
  const moves = files.map((from) => {
    const inner = dirname(from) === folder ? '' : basename(dirname(from));
    return { from, to: join(into, inner, basename(from)) };
  });
  return { file: join(folder, name), moves };
}

/** @throws UserError when one of the places is taken. */
export async function refuseTaken({ file, moves }: Place): Promise<void> {
  for (const path of [file, ...moves.map(({ to }) => to)]) {
    if (!(await isThere(path))) continue;
    throw new UserError(`${path} is there already. Choose another name with --name.`, {
      exitCode: ExitCode.usage,
    });
  }
}

/**
 * Writes the new file, lets `record` write the ledger, and moves the old ones. While only a part of that is done the new
 * file stands for the old ones already, so that no moment is wrong.
 * @throws what went wrong, after the files are as they were.
 */
export async function putInPlace(
  { file, moves }: Place,
  text: string,
  record: () => Promise<void>,
  takeBack: () => Promise<void>,
): Promise<void> {
  await writeFile(file, text, { flag: 'wx' });
  const moved: Move[] = [];
  const folders: string[] = [];
  try {
    await record();
    for (const move of moves) {
      const made = await mkdir(dirname(move.to), { recursive: true });
      if (made !== undefined) folders.push(made, dirname(move.to));
      await rename(move.from, move.to);
      moved.push(move);
    }
  } catch (error) {
    for (const { from, to } of moved.toReversed()) await rename(to, from);
    for (const folder of folders.toReversed()) await rmdir(folder).catch(() => undefined);
    await takeBack();
    await unlink(file);
    throw error;
  }
}
