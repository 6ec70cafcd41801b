// Options that several commands of the command line take.
import { Option } from 'commander';
import { argument } from './arguments';

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
