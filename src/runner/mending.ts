// The ways out of bad states that the editor offers and that need no run: the lease, marking by hand, repairing,
// forgetting what is in quarantine. The work is engine/'s.
import type { Connection } from '../engine/connect';
import { resolveConflicts } from '../engine/conflicts/conflicts';
import { readLease, type LeaseDocument } from '../engine/lease';
import { folderSet } from '../engine/migrationSet';
import { discardQuarantine } from '../engine/quarantine';
import { markMigration, repair, unlock } from '../engine/recovery';
import { settingsOf } from '../engine/settings';
import { loadConfig } from '../project/config';
import { UserError } from '../protocol/errors';
import type { ConnectionTarget, LeaseHolder, MendingRequest, RunnerMethods } from '../protocol/runner';

type Connect = (target: ConnectionTarget) => Promise<Connection>;

export class Mending {
  constructor(private readonly connect: Connect) {}

  async lease(target: ConnectionTarget): Promise<LeaseHolder | null> {
    const { db } = await this.connect(target);
    const held = await readLease(db);
    return held && holder(held);
  }

  async unlock({ target, expected }: MendingRequest & { expected: LeaseHolder }): Promise<boolean> {
    const { db } = await this.#writable(target);
    // The person agreed to stop this run; one that took over meanwhile is another question.
    return (await unlock(db, expected.run)) !== null;
  }

  async mark({
    project,
    target,
    name,
    as,
  }: MendingRequest & { name: string; as: 'applied' | 'pending' }): Promise<void> {
    const connection = await this.#writable(target);
    const config = await loadConfig(project);
    const set = folderSet(config, project.root);
    await markMigration({ connection, set, settings: settingsOf(config) }, name, as);
  }

  async repair({ target }: MendingRequest): Promise<string[]> {
    return repair(await this.#writable(target));
  }

  async discardQuarantine({
    target,
    name,
    documents,
  }: Parameters<RunnerMethods['discardQuarantine']>[0]): Promise<number> {
    const { db } = await this.#writable(target);
    return discardQuarantine(db, { step: name, documents });
  }

  async resolveConflicts({
    project,
    target,
    name,
    decision,
    id,
  }: Parameters<RunnerMethods['resolveConflicts']>[0]): Promise<{ settled: number; left: number }> {
    const connection = await this.#writable(target);
    const settings = settingsOf(await loadConfig(project));
    const { settled, left } = await resolveConflicts(connection, settings, name, decision, id);
    return { settled, left };
  }

  async #writable(target: ConnectionTarget): Promise<Connection> {
    if (!target.readOnly) return this.connect(target);
    throw new UserError(`The connection "${target.name}" is marked read-only; nothing is changed there.`, {
      action: { label: 'Select Connection', command: 'migratory.selectConnection' },
    });
  }
}

function holder({ run, host, pid, acquiredAt }: LeaseDocument): LeaseHolder {
  return { run, host, pid, acquiredAt: acquiredAt.toISOString() };
}
