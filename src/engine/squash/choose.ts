// Which migrations a squash takes: applied and unchanged ones, from the first on, in whole files.
import { basename } from 'node:path';
import { compareNames } from '../../migration/files';
import { ExitCode, UserError } from '../../protocol/errors';
import type { MigrationStatus } from '../../protocol/status';
import type { CatalogueEntry } from '../catalogue';
import { findStatus } from '../choice';
import type { ProjectState } from '../selection';

export interface SquashChoice {
  /** Exactly these; they have to be the first ones. */
  names: string[];
  /** All up to and with this one. Without either: all that are applied, up to the first that is not. */
  to?: string;
}

/** @throws UserError, with exit code 2, which says what stands in the way. */
export function chooseSquashed(state: ProjectState, choice: SquashChoice): CatalogueEntry[] {
  const onDisk = state.statuses.filter(({ file }) => file !== undefined);
  const chosen = onDisk.slice(0, lengthOf(onDisk, state.statuses, choice));
  for (const status of chosen) refuseUnfit(status, state);
  const entries = chosen.map(({ name }) => state.entries.find((entry) => entry.name === name)!);
  const last = entries.at(-1);
  if (!last || entries.length < 2) {
    throw refusal(
      entries.length === 0
        ? 'There is nothing to squash: the first migration is not applied.'
        : `There is nothing to squash: "${last?.name}" alone is one file already.`,
    );
  }
  const cut = state.entries.find(
    ({ name, file }) => file === last.file && !chosen.some((one) => one.name === name),
  );
  if (cut) throw refusal(`${basename(last.file)} holds "${cut.name}" too; a squash takes whole files.`);
  const problem = state.problems.find(({ file }) => compareNames(basename(file), basename(last.file)) <= 0);
  if (problem) throw refusal(`${basename(problem.file)} cannot be read: ${problem.error.message}`);
  return entries;
}

function lengthOf(onDisk: MigrationStatus[], all: MigrationStatus[], { names, to }: SquashChoice): number {
  if (to !== undefined) return placeOf(findStatus(all, to), onDisk) + 1;
  if (names.length === 0) {
    const end = onDisk.findIndex(({ state }) => state !== 'applied');
    return end < 0 ? onDisk.length : end;
  }
  const named = new Set(names.map((name) => findStatus(all, name)));
  const length = Math.max(...[...named].map((status) => placeOf(status, onDisk))) + 1;
  const left = onDisk.slice(0, length).find((status) => !named.has(status));
  if (left) {
    throw refusal(
      `"${left.name}" comes before the last of them. A squash takes the first migrations, without a gap.`,
    );
  }
  return length;
}

function placeOf(status: MigrationStatus, onDisk: MigrationStatus[]): number {
  const place = onDisk.indexOf(status);
  if (place < 0) throw refusal(`The file of "${status.name}" is missing, so it cannot be squashed.`);
  return place;
}

function refuseUnfit({ name, state, quarantined }: MigrationStatus, { entries }: ProjectState): void {
  if (state === 'changed')
    throw refusal(
      `The file of "${name}" has changed since it was applied.`,
      `migratory mark ${name} --applied`,
    );
  if (state !== 'applied') throw refusal(`"${name}" is ${state}; only what is applied can be squashed.`);
  if (quarantined) throw refusal(`"${name}" has documents in quarantine.`, 'migratory quarantine list');
  if (entries.find((entry) => entry.name === name)?.repeatable)
    throw refusal(
      `"${name}" is repeatable: it has to stay a file of its own. Squash up to the one before it.`,
    );
}

function refusal(message: string, cli?: string): UserError {
  const action = cli === undefined ? undefined : { label: 'Look', cli };
  return new UserError(message, { exitCode: ExitCode.usage, action });
}
