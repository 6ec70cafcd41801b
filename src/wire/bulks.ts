// Running the parts of bulkWrite commands one after the other through the hooks of a door, and remembering what was done
// of a command whose connection was lost: its client may send it again, under the same number.
import { BSON } from 'mongodb';
import { BadBulk, BulkWrite, type BulkState } from './bulkWrite';
import type { DoorCommand, DoorHooks } from './door';
import { asBuffer } from './rawBson';
import type { Redirection } from './redirection';
import { DoorRefusal, errorReply } from './refusal';
import { lookAtBody } from './replyLook';

interface Through {
  hooks: DoorHooks;
  redirection: Redirection | undefined;
}

export class Bulks {
  readonly #lost = new Map<string, BulkState>();

  async run(command: DoorCommand, { hooks, redirection }: Through): Promise<Buffer> {
    const key = keyOf(command);
    let state = key === undefined ? undefined : this.#lost.get(key);
    try {
      const bulk = new BulkWrite(command);
      const first = !state;
      state ??= bulk.begin();
      const answer = await runParts(bulk, state, { hooks, redirection, first });
      // Until it has ended well the client may come again.
      if (key !== undefined && !answer) this.#lost.delete(key);
      else if (key !== undefined) this.#lost.set(key, state);
      return answer ?? state.reply.whole();
    } catch (error) {
      if (error instanceof BadBulk)
        return asBuffer(BSON.serialize(errorReply(error.message, error.code, 'FailedToParse')));
      if (key !== undefined && state) this.#lost.set(key, state);
      throw error;
    }
  }
}

/** @returns the reply that answers the whole in place of what was done. */
async function runParts(
  bulk: BulkWrite,
  { queue, reply }: BulkState,
  { hooks, redirection, first }: Through & { first: boolean },
): Promise<Buffer | undefined> {
  let opens = first;
  for (let part = queue[0]; part; part = queue[0]) {
    if (bulk.ordered && reply.failed) return undefined;
    const command = bulk.partCommand(part, opens);
    opens = false;
    const sent = await send(command, hooks);
    const answer = redirection?.reply(part.kind, sent, { opensStream: false }) ?? sent;
    const taken = reply.add(part, answer, command.inTransaction);
    if (taken === 'answer') return answer;
    const { kind, namespace, positions, documents } = part;
    const singles = positions.map((position, i) => ({
      kind,
      namespace,
      positions: [position],
      documents: documents.slice(i, i + 1),
    }));
    queue.splice(0, 1, ...(taken === 'again' ? singles : []));
  }
  return undefined;
}

async function send(command: DoorCommand, hooks: DoorHooks): Promise<Buffer> {
  await hooks.fence();
  const start = performance.now();
  const given = (await hooks.before(command))?.reply;
  let answer: Buffer;
  if (given) answer = asBuffer(given instanceof Uint8Array ? given : BSON.serialize(given));
  else {
    const { body, sequences } = command.raw;
    try {
      answer = asBuffer(await command.upstream.sendRaw(body, sequences));
    } catch (error) {
      hooks.after(command, { ok: false, lost: true, durationMs: performance.now() - start });
      throw new DoorRefusal(error instanceof Error ? error.message : String(error), { close: true });
    }
  }
  hooks.after(command, { ...lookAtBody(answer), durationMs: performance.now() - start });
  return answer;
}

function keyOf({ lsid, txnNumber, inTransaction }: DoorCommand): string | undefined {
  if (!lsid || txnNumber === undefined || inTransaction) return undefined;
  return JSON.stringify([lsid['id'], txnNumber]);
}
