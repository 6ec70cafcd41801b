// Doors for tests: in front of a real server, with hooks that note what they see.
import type { Document } from 'mongodb';
import { MongoClient } from 'mongodb';
import type { BeforeResult, Door, DoorCommand, DoorOptions, DoorReply } from '../../../src/wire/door';
import { openDoor } from '../../../src/wire/door';

export interface Doorway {
  door: Door;
  commands: DoorCommand[];
  replies: { command: DoorCommand; reply: DoorReply }[];
  refusals: { name: string; reason: string }[];
  /** What the hooks do beside taking notes; tests set it. */
  on: { fence?: () => Promise<void> | void; before?: (command: DoorCommand) => Promise<BeforeResult | void> };
  names(): string[];
  last(name: string): { command: DoorCommand; reply: DoorReply };
}

const open: (() => Promise<void>)[] = [];

/** The member that takes writes now, as the engine's own client would tell it. */
export async function primaryOf(uri: string): Promise<{ host: string; port: number }> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 10_000 });
  try {
    const hello: Document = await client.db('admin').command({ hello: 1 });
    const address = (hello['primary'] as string | undefined) ?? new URL(uri.replace(/^mongodb/, 'http')).host;
    const colon = address.lastIndexOf(':');
    return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  } finally {
    await client.close();
  }
}

export async function doorway(
  uri: string,
  options: {
    redirect?: DoorOptions['redirect'];
    primary?: DoorOptions['upstream']['primary'];
    appName?: string;
  } = {},
): Promise<Doorway> {
  const commands: DoorCommand[] = [];
  const replies: Doorway['replies'] = [];
  const refusals: Doorway['refusals'] = [];
  const known = options.primary ? undefined : await primaryOf(uri);
  const door = await openDoor({
    upstream: {
      uri,
      primary: options.primary ?? (async () => known as { host: string; port: number }),
      appName: options.appName,
    },
    redirect: options.redirect,
    hooks: {
      fence: async () => await way.on.fence?.(),
      before: async (command) => {
        commands.push(command);
        return await way.on.before?.(command);
      },
      after: (command, reply) => replies.push({ command, reply }),
      refused: (name, reason) => refusals.push({ name, reason }),
    },
  });
  open.push(() => door.close());
  const way: Doorway = {
    door,
    commands,
    replies,
    refusals,
    on: {},
    names: () => commands.map((command) => command.name),
    last: (name) => {
      const found = replies.findLast((entry) => entry.command.name === name);
      if (!found)
        throw new Error(
          `no reply to ${name} was seen, only to ${replies.map((r) => r.command.name).join(', ')}`,
        );
      return found;
    },
  };
  return way;
}

/** A client of a script, closed with the doors. */
export async function through(door: Door, options = {}): Promise<MongoClient> {
  const client = new MongoClient(door.uri, options);
  open.push(() => client.close());
  return await client.connect();
}

/** For `after`: closes clients first, then doors. */
export async function closeDoorways(): Promise<void> {
  for (const close of open.splice(0).toReversed()) await close();
}
