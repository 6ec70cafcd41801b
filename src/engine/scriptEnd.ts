// What a script still has under way when its function has returned or failed: promises that it did not wait for, timers,
// transactions that it left open. Nothing of it may reach the server once the run goes on: nothing new passes, what
// is under way gets a moment to end and is killed then.
import type { Document, MongoClient } from 'mongodb';
import { DoorRefusal, type DoorCommand, type UpstreamChannel } from '../wire/door';
import { within } from './within';

/** What is under way may end by itself for so long, in milliseconds. */
const graceMs = 1000;
/** A server that does not answer any more is not waited for. */
const patienceMs = 10_000;

export class ScriptEnd {
  #ended = false;
  /** Called when the last command under way has its answer. */
  #quiet: () => void = () => undefined;
  readonly #underWay = new Set<DoorCommand>();
  readonly #transactions: Document[] = [];
  readonly #channels = new Map<number, UpstreamChannel>();

  /** Throws once the script has ended. */
  check(): void {
    if (!this.#ended) return;
    throw new DoorRefusal('The migration has ended; what it did not wait for is not carried out any more.');
  }

  begin(command: DoorCommand): void {
    // Drivers let go of their sessions when they are closed.
    if (command.kind !== 'session') this.check();
    this.#underWay.add(command);
    this.#channels.set(command.socket, command.upstream);
    if (command.startsTransaction && command.lsid) this.#transactions.push(command.lsid);
  }

  end(command: DoorCommand): void {
    this.#underWay.delete(command);
    if (this.#underWay.size === 0) this.#quiet();
  }

  /** @param atOnce without a moment's grace: the run was cancelled. */
  async settle(client: MongoClient, atOnce: boolean): Promise<void> {
    this.#ended = true;
    if (!atOnce) await this.#untilQuiet(graceMs);
    const sessions = [...this.#underWay].flatMap(({ lsid }) => lsid ?? []);
    await this.#kill(client, [...sessions, ...this.#transactions]);
    if (atOnce) return;
    // A server works through a connection in order: what was sent before is done when this is answered.
    const answers = [...this.#channels.values()].map((channel) => channel.send({ ping: 1, $db: 'admin' }));
    await within(Promise.allSettled(answers), patienceMs);
  }

  async #untilQuiet(milliseconds: number): Promise<void> {
    if (this.#underWay.size === 0) return;
    await within(new Promise<void>((resolve) => (this.#quiet = resolve)), milliseconds);
  }

  async #kill(client: MongoClient, sessions: Document[]): Promise<void> {
    if (sessions.length === 0) return;
    const ids = sessions.map(({ id }) => ({ id: id as unknown }));
    // Where the user may not, the server ends open transactions after a minute.
    await client
      .db('admin')
      .command({ killSessions: ids })
      .catch(() => undefined);
  }
}
