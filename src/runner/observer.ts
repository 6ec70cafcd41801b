// What a runner answers without running anything: config, status, connection tests, and watching the runs of a
// database, whoever started them. One open connection for each target.
import { listConflicts } from '../engine/conflicts/conflicts';
import { connect, type Connection } from '../engine/connect';
import { listDatabases } from '../engine/databases';
import { testConnection } from '../engine/connectionTest';
import { readState } from '../engine/selection';
import type { Catalogue } from '../engine/catalogue';
import { folderSet, type MigrationSet } from '../engine/migrationSet';
import { countQuarantine, quarantinedDocument, quarantineOfRuns } from '../engine/quarantine';
import { controlRun, findRun, listRuns } from '../engine/runs';
import { openLedger } from '../engine/scope';
import { settingsOf } from '../engine/settings';
import { setThrottle } from '../engine/throttle';
import { NoMigrationsFolder, placesOf } from '../migration/files';
import { loadConfig } from '../project/config';
import { requireVariables } from '../project/environment';
import {
  finalRunStates,
  type RunControl,
  type RunDocument,
  type RunThrottle,
  type ThrottleChange,
} from '../protocol/run';
import type { ConflictEvent, RunSnapshot } from '../protocol/events';
import type { MigrationStatus } from '../protocol/status';
import {
  shownRuns,
  type ConfigView,
  type ConnectionTarget,
  type ProjectLocation,
  type RunnerMethods,
  type RunnerNotifications,
  type StatusResult,
} from '../protocol/runner';

/** While something moves, and while nothing does. */
const watchEveryMs = { moving: 1_000, still: 3_000 };
/** As many rows as the snapshot of a run at work holds. */
const shownQuarantined = 1_000;
/** What somebody who types may cost a database. */
const whileTyping = { maxTimeMS: 2_000, most: 100_000 };

type Notify = <K extends keyof RunnerNotifications>(name: K, params: RunnerNotifications[K]) => void;

interface Watch {
  stop(): void;
}

/** What one look at a database has seen; the texts tell whether anything has changed. */
interface Sight {
  label: string;
  runs: RunDocument[];
  text: string;
  ledger: string;
}

export class Observer {
  readonly #notify: Notify;
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #watches = new Map<string, Watch>();

  constructor(notify: Notify) {
    this.#notify = notify;
  }

  async config(project: ProjectLocation): Promise<ConfigView> {
    const { file, flavor, migrationsDir, places, ledger, connections, defaultConnection, lint } =
      await loadConfig(project);
    return { file, flavor, migrationsDir, places, ledger, connections, defaultConnection, lint };
  }

  testConnection(target: ConnectionTarget): Promise<Awaited<ReturnType<RunnerMethods['testConnection']>>> {
    return testConnection(target);
  }

  async databases(target: ConnectionTarget): Promise<string[]> {
    const { client } = await this.connection(target);
    return listDatabases(client);
  }

  async status(project: ProjectLocation, target: ConnectionTarget): Promise<StatusResult> {
    const config = await loadConfig(project);
    const connection = await this.connection(target);
    const set = folderSet(config, project.root);
    const state = await readState({
      connection,
      // Of several folders the ones that are there must not vanish with the one that is not.
      set: placesOf(config).folders.length === 1 ? emptyUntilMade(set) : set,
      settings: settingsOf(config),
    });
    return {
      server: connection.server,
      target: connection.label,
      migrations: withQuarantine(state.statuses, await countQuarantine(connection.db)),
      runs: state.runs.slice(0, shownRuns),
      problems: state.problems,
    };
  }

  async control(target: ConnectionTarget, run: string, control: Exclude<RunControl, null>): Promise<void> {
    const { db } = await this.connection(target);
    await controlRun(db, run, control);
  }

  async throttle(
    target: ConnectionTarget,
    run: string,
    settings: ThrottleChange | null,
  ): Promise<RunThrottle> {
    const { db } = await this.connection(target);
    return setThrottle(db, run, settings);
  }

  async quarantinedDocument({
    target,
    ...which
  }: Parameters<RunnerMethods['quarantinedDocument']>[0]): Promise<{ kept: unknown; current: unknown }> {
    const { db } = await this.connection(target);
    return quarantinedDocument(db, which);
  }

  async snapshot(
    target: ConnectionTarget,
    run: string,
    project: ProjectLocation | undefined,
  ): Promise<RunSnapshot | null> {
    const connection = await this.connection(target);
    const { db } = connection;
    const document = await findRun(db, run);
    if (!document) return null;
    const works = [run, ...document.steps.map((step) => step.journal ?? run)];
    const items = await quarantineOfRuns(db, [...new Set(works)], shownQuarantined);
    const quarantined = items.map(({ at, ...item }) => ({ type: 'quarantined' as const, at, ...item }));
    const conflicts = project ? await conflictsOf(document, connection, project) : [];
    return { run: document, log: document.log ?? [], reports: [], conflicts, quarantined, rates: [] };
  }

  async lintCatalogue(
    target: ConnectionTarget,
  ): Promise<Awaited<ReturnType<RunnerMethods['lintCatalogue']>>> {
    // With its rules and their parser, which nothing else here needs.
    const { readCatalogue } = await import('../engine/lint');
    const { db } = await this.connection(target);
    return readCatalogue(db);
  }

  async duplicates({
    target,
    ...question
  }: Parameters<RunnerMethods['duplicates']>[0]): Promise<number | null> {
    const { duplicates } = await import('../engine/lint');
    const { db } = await this.connection(target);
    return duplicates(question, db, whileTyping);
  }

  async appliedSource(
    project: ProjectLocation,
    target: ConnectionTarget,
    name: string,
  ): Promise<string | null> {
    const config = await loadConfig(project);
    const { db } = await this.connection(target);
    const source = await openLedger(db, settingsOf(config)).source(name);
    return source?.toString('utf8') ?? null;
  }

  watch(target: ConnectionTarget, project?: ProjectLocation): void {
    const key = keyOf(target);
    if (this.#watches.has(key)) return;
    let timer: NodeJS.Timeout | undefined;
    let stopped = false;
    let known: Sight | undefined;
    const look = async (): Promise<void> => {
      const seen = await this.#look(target, project).catch(() => undefined);
      if (stopped) return;
      if (seen) {
        const where = { target: seen.label, database: target.database };
        if (seen.text !== known?.text) this.#notify('runs', { ...where, runs: seen.runs });
        if (known && seen.ledger !== known.ledger) this.#notify('ledger', where);
        known = seen;
      }
      const moving = seen?.runs.some((run) => !finalRunStates.includes(run.state)) === true;
      timer = setTimeout(() => void look(), moving ? watchEveryMs.moving : watchEveryMs.still);
    };
    this.#watches.set(key, {
      stop() {
        stopped = true;
        clearTimeout(timer);
      },
    });
    void look();
  }

  unwatch(target: ConnectionTarget): void {
    const key = keyOf(target);
    this.#watches.get(key)?.stop();
    this.#watches.delete(key);
  }

  async #look(target: ConnectionTarget, project: ProjectLocation | undefined): Promise<Sight> {
    const { db, label } = await this.connection(target);
    const runs = await listRuns(db, shownRuns);
    const rows = project ? await openLedger(db, settingsOf(await loadConfig(project))).rows() : [];
    return { label, runs, text: JSON.stringify(runs), ledger: JSON.stringify(rows) };
  }

  /** Opens once and keeps; a connection that fails is forgotten, so that the next request tries again. */
  connection(target: ConnectionTarget): Promise<Connection> {
    const key = keyOf(target);
    let opening = this.#connections.get(key);
    if (!opening) {
      opening = connect(requireVariables(target), { appName: 'migratory' });
      this.#connections.set(key, opening);
      opening.catch(() => this.#connections.delete(key));
    }
    return opening;
  }
}

/** Those that are still to be decided; none are read for a run that left none. */
async function conflictsOf(
  run: RunDocument,
  connection: Connection,
  project: ProjectLocation,
): Promise<ConflictEvent[]> {
  const steps = run.steps.filter(({ state }) => state === 'conflicts');
  if (steps.length === 0) return [];
  const settings = settingsOf(await loadConfig(project));
  const at = new Date(run.endedAt ?? run.startedAt).toISOString();
  const found = await Promise.all(steps.map(({ name }) => listConflicts(connection, settings, name)));
  return found.flat().map((item) => ({ type: 'conflict', at, ...item }));
}

/** A project that is being started has no folder yet: that is no failure of the connection that is looked at. */
function emptyUntilMade(set: MigrationSet): MigrationSet {
  const read = (): Promise<Catalogue> =>
    set.read().catch((error: unknown) => {
      if (!(error instanceof NoMigrationsFolder)) throw error;
      return { entries: [], problems: [] };
    });
  return { ...set, read };
}

/** As many as lie there now: the run that put them there cannot know what was retried or discarded since. */
function withQuarantine(
  statuses: readonly MigrationStatus[],
  counts: ReadonlyMap<string, number>,
): MigrationStatus[] {
  return statuses.map((status) => ({ ...status, quarantined: counts.get(status.name) }));
}

function keyOf({ uri, database }: ConnectionTarget): string {
  return `${database}\n${uri}`;
}
