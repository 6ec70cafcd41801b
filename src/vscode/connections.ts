// The one store of connections: those of the workspace's config and those that the person added here (their
// connection strings lie in the secret storage, one secret each). Also which one is selected, for the workspace
// and for single files. Only the person deletes anything; what a newer version wrote is kept as it is.
import { randomUUID } from 'node:crypto';
import { relative } from 'node:path';
import { UserError } from '../protocol/errors';
import type { ConfigView, ConnectionTarget } from '../protocol/runner';
import type { ConnectionDraft, ConnectionInfo, OwnRecord } from './connectionRecords';
import { isOwnRecord, ofConfig, ofRecord, recordOf, secretOf, uriInSecret } from './connectionRecords';
import type { Event } from './event';
import { Emitter } from './event';
import { Command } from './manifest';
import type { Translate } from './words';

/** The parts of vscode.Memento and vscode.SecretStorage that are used. */
export interface Memory {
  get(key: string): unknown;
  update(key: string, value: unknown): Thenable<void>;
}
export interface Secrets {
  get(key: string): Thenable<string | undefined>;
  store(key: string, value: string): Thenable<void>;
  delete(key: string): Thenable<void>;
}
export interface ConfigSource {
  readonly config: ConfigView | undefined;
  readonly location: { root: string };
  readonly onDidChange: Event<void>;
}

const recordsKey = 'migratory.connections';
const selectedKey = 'migratory.selectedConnection';
const filesKey = 'migratory.connectionOfFile';
/** Databases that were chosen here instead of those that the config names. */
const databasesKey = 'migratory.databaseOfConnection';
const secretKey = (id: string): string => `migratory.connection.${id}`;

export class ConnectionStore {
  readonly #changed = new Emitter<void>();
  readonly #configListener;
  /** Connection strings that could not be put into the secret storage: they are forgotten with the window. */
  readonly #unsaved = new Map<string, string>();

  /** Connections came, went, changed, or another one is selected. */
  readonly onDidChange = this.#changed.event;

  constructor(
    private readonly project: ConfigSource | undefined,
    private readonly memory: Memory,
    private readonly secrets: Secrets,
    private readonly t: Translate,
  ) {
    this.#configListener = project?.onDidChange(() => this.#changed.fire());
  }

  list(): ConnectionInfo[] {
    const chosen = this.#chosenDatabases();
    const configured = (this.project?.config?.connections ?? []).map((target) =>
      ofConfig(target, chosen[`config:${target.name}`]),
    );
    return [...configured, ...this.#records().filter(isOwnRecord).map(ofRecord)];
  }

  get(id: string | undefined): ConnectionInfo | undefined {
    return id === undefined ? undefined : this.list().find((connection) => connection.id === id);
  }

  /** The connection of the workspace: chosen here, else the config's default, else the only one there is. */
  get selected(): ConnectionInfo | undefined {
    const all = this.list();
    const chosen = this.memory.get(selectedKey);
    const byDefault = this.project?.config?.defaultConnection;
    return (
      all.find(({ id }) => id === chosen) ??
      all.find(({ id }) => byDefault != null && id === `config:${byDefault}`) ??
      (all.length === 1 ? all[0] : undefined)
    );
  }

  /** The connection of a file: its own choice, else the workspace's. */
  ofFile(file: string): ConnectionInfo | undefined {
    return this.get(this.#choices()[this.#key(file)]) ?? this.selected;
  }

  async select(id: string): Promise<void> {
    await this.memory.update(selectedKey, id);
    this.#changed.fire();
  }

  /** Without an id the file follows the workspace again. */
  async selectForFile(file: string, id: string | undefined): Promise<void> {
    const { [this.#key(file)]: _before, ...others } = this.#choices();
    await this.memory.update(filesKey, id === undefined ? others : { ...others, [this.#key(file)]: id });
    this.#changed.fire();
  }

  /** Everything needed to open a connection. @throws UserError when its connection string cannot be read. */
  async target(id: string): Promise<ConnectionTarget> {
    const connection = this.get(id);
    if (!connection) {
      throw new UserError(this.t('This connection does not exist any more.'), {
        action: { label: this.t('Select Connection'), command: Command.selectConnection },
      });
    }
    if (connection.origin === 'config') {
      const target = this.project?.config?.connections.find(({ name }) => name === connection.name);
      if (target) return { ...target, database: connection.database };
    }
    const { name, database, production, readOnly } = connection;
    return { name, uri: await this.#uri(connection), database, production, readOnly };
  }

  async add(draft: ConnectionDraft): Promise<ConnectionInfo> {
    const record = recordOf(`own:${randomUUID()}`, draft);
    await this.#keepSecret(record.id, draft.uri);
    await this.memory.update(recordsKey, [...this.#records(), record]);
    this.#changed.fire();
    return ofRecord(record);
  }

  async update(id: string, draft: ConnectionDraft): Promise<void> {
    await this.#keepSecret(id, draft.uri);
    await this.#replace(recordOf(id, draft));
    this.#changed.fire();
  }

  /** True while its connection string is known to this window only. */
  isUnsaved(id: string): boolean {
    return this.#unsaved.has(id);
  }

  /** Another database of the same server; for a connection of the config in this workspace only. */
  async switchDatabase(id: string, database: string): Promise<void> {
    const own = this.#records().find((record) => isOwnRecord(record) && record.id === id);
    if (isOwnRecord(own)) {
      await this.#replace({ ...own, database });
    } else {
      const { [id]: _before, ...others } = this.#chosenDatabases();
      const named = this.project?.config?.connections.find(({ name }) => `config:${name}` === id);
      const isNamed = named !== undefined && ofConfig(named).database === database;
      await this.memory.update(databasesKey, isNamed ? others : { ...others, [id]: database });
    }
    this.#changed.fire();
  }

  async remove(id: string): Promise<void> {
    await this.memory.update(
      recordsKey,
      this.#records().filter((record) => !(isOwnRecord(record) && record.id === id)),
    );
    this.#unsaved.delete(id);
    await this.secrets.delete(secretKey(id));
    this.#changed.fire();
  }

  dispose(): void {
    this.#configListener?.dispose();
    this.#changed.dispose();
  }

  async #uri(connection: ConnectionInfo): Promise<string> {
    const uri = this.#unsaved.get(connection.id) ?? uriInSecret(await this.#readSecret(connection));
    if (uri !== undefined) return uri;
    throw new UserError(
      this.t(
        'The connection string of "{0}" is not in the secret storage of this machine. Enter it again.',
        connection.name,
      ),
      { action: { label: this.t('Edit Connection…'), command: Command.editConnection } },
    );
  }

  async #readSecret(connection: ConnectionInfo): Promise<string | undefined> {
    try {
      return await this.secrets.get(secretKey(connection.id));
    } catch (cause) {
      throw new UserError(
        this.t(
          'The secret storage of this machine cannot be read now, so "{0}" cannot be opened. Nothing was deleted.',
          connection.name,
        ),
        { action: { label: this.t('Retry'), command: Command.retryConnection }, cause },
      );
    }
  }

  /** Where there is no secret storage (no keyring, a locked one), the window at least remembers. */
  async #keepSecret(id: string, uri: string): Promise<void> {
    try {
      await this.secrets.store(secretKey(id), secretOf(uri));
      this.#unsaved.delete(id);
    } catch {
      this.#unsaved.set(id, uri.trim());
    }
  }

  async #replace(record: OwnRecord): Promise<void> {
    await this.memory.update(
      recordsKey,
      this.#records().map((before) => (isOwnRecord(before) && before.id === record.id ? record : before)),
    );
  }

  #records(): unknown[] {
    const records = this.memory.get(recordsKey);
    return Array.isArray(records) ? records : [];
  }

  #choices(): Record<string, string> {
    return (this.memory.get(filesKey) ?? {}) as Record<string, string>;
  }

  #chosenDatabases(): Record<string, string> {
    return (this.memory.get(databasesKey) ?? {}) as Record<string, string>;
  }

  #key(file: string): string {
    return this.project ? relative(this.project.location.root, file) : file;
  }
}
