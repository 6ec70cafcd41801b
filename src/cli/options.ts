// Options that several commands of the command line take.
import { type Command, Option } from 'commander';
import { argument, count } from './arguments';

export const forArgs = (): Option =>
  new Option('--arg <key=value>', 'for `ctx.args` of the migrations; once for each').argParser(argument);
export const forFailure = (): Option =>
  new Option(
    '--on-failure <what>',
    'what a migration that fails leaves (default: onFailure of the config)',
  ).choices(['rollback', 'keep']);
export const forCancel = (): Option =>
  new Option(
    '--on-cancel <what>',
    'what one that is cancelled leaves (default: onCancel of the config)',
  ).choices(['keep', 'rollback']);
export const forJunit = ['--junit <file>', 'write a JUnit report for CI as well'] as const;

export function withGlobalOptions(program: Command): Command {
  return program
    .option('-f, --file <config>', 'config file (default: migratory.config.*, then migrate-mongo-config.js)')
    .option('--migrations-dir <dir>', 'folder of the migrations')
    .option('--uri <uri>', 'connection string; `-` reads it from standard input (or set MIGRATORY_URI)')
    .option('--database <name>', 'database to work on')
    .option(
      '--databases <patterns>',
      "on every database that is called so, e.g. 'shop_*' (up, down, dry-run, …, status)",
    )
    .addOption(
      new Option('--parallel <n>', 'with --databases: so many at once (default: 1)').argParser(count),
    )
    .option('--continue-on-failure', 'with --databases: go on with the others when one fails')
    .option('--connection <name>', 'a connection of the config')
    .option('--json', 'newline-delimited JSON events on standard output, nothing else there')
    .option('--yes', 'answer every confirmation with yes')
    .option('--no-color', 'no colours (NO_COLOR works too)')
    .option('--quiet', 'print errors only')
    .helpOption('-h, --help');
}
