// `completion bash|zsh|fish`: the shell asks `migratory __complete` for what can stand at the cursor: commands, options and
// the files of migrations. Nothing is connected to and no code of the project runs, so that it answers at once.
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { findMigrationFiles } from '../migration/files';
import { ExitCode, UserError } from '../protocol/errors';

export const shells = ['bash', 'zsh', 'fish'] as const;
export const askCommand = '__complete';

const scripts: Record<(typeof shells)[number], (program: string) => string> = {
  // Not `compgen -W`: it would carry out what stands in the name of a file.
  bash: (program) => `_${program}() {
  local word current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS= read -r word; do
    [[ "$word" == "$current"* ]] && COMPREPLY+=("$(printf %q "$word")")
  done < <(${program} ${askCommand} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _${program} ${program}
`,
  zsh: (program) => `#compdef ${program}
_${program}() {
  local -a found
  found=("\${(@f)$(${program} ${askCommand} "\${(@)words[2,$CURRENT]}" 2>/dev/null)}")
  compadd -a found || _files
}
compdef _${program} ${program}
`,
  fish: (
    program,
  ) => `complete -c ${program} -a '(${program} ${askCommand} (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
};

/** @throws UserError for a shell that is not known. */
export function completionScript(shell: string, program = 'migratory'): string {
  const known = shells.find((name) => name === shell);
  if (known) return scripts[known](program);
  throw new UserError(`There is no completion for "${shell}". There is one for ${shells.join(', ')}.`, {
    exitCode: ExitCode.usage,
  });
}

/** Commands whose arguments are names of migrations, and how many words come before the first. */
const namesAfter: Record<string, number> = {
  up: 0,
  down: 0,
  'dry-run': 0,
  validate: 0,
  verify: 0,
  mark: 0,
  rerun: 0,
  squash: 0,
  quarantine: 1,
  conflicts: 1,
};
const actions: Record<string, string[]> = {
  quarantine: ['list', 'retry', 'discard'],
  conflicts: ['list', 'keep', 'restore'],
  journals: ['list', 'clean'],
  completion: [...shells],
};

/** @param words what stands after the program's name, the unfinished word at the cursor last. */
export async function completions(
  program: Command,
  words: readonly string[],
  root: string,
): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = program.commands.find((one) => before.includes(one.name()));
  const option = optionWithValue(program, command, before.at(-1));
  // For files the shell has its own way.
  if (option) return option.argChoices ?? (option.long === '--to' ? migrationFiles(root) : []);
  if (current.startsWith('-')) return optionsOf(program, command);
  if (!command) return program.commands.map((one) => one.name()).filter((name) => !name.startsWith('_'));
  const name = command.name();
  const given = before.slice(before.indexOf(name) + 1).filter((word) => !word.startsWith('-'));
  const first = namesAfter[name];
  if (given.length === 0 && actions[name]) return actions[name];
  return first !== undefined && given.length >= first ? migrationFiles(root) : [];
}

function optionsOf(program: Command, command: Command | undefined): string[] {
  const own = command?.options ?? [];
  return [...own, ...program.options].flatMap(({ long }) => (long ? [long] : []));
}

function optionWithValue(
  program: Command,
  command: Command | undefined,
  word: string | undefined,
): Option | undefined {
  const options = [...(command?.options ?? []), ...program.options];
  const option = options.find(({ long, short }) => word !== undefined && (word === long || word === short));
  return option && (option.required || option.optional) ? option : undefined;
}

/** The folder of the default config: another one is known only to the config, which would have to run. */
async function migrationFiles(root: string): Promise<string[]> {
  const files = await findMigrationFiles({ folders: [join(root, 'migrations')], recursive: false }).catch(
    () => [],
  );
  return files.map(({ name }) => name);
}
