// What a config wants of the driver's clients of migrations: passed on, refused where obeying only half of it would harm, or
// told where it has no effect.
import { ExitCode, UserError } from '../protocol/errors';
import { withoutEffect } from '../project/driverOptions';
import type { EngineSettings, RunScope } from './scope';

/** @throws UserError where the config encrypts fields: what a migration writes would be stored in the clear. */
export function refuseEncrypting({ client }: EngineSettings): void {
  if (!client?.encrypts) return;
  throw new UserError(
    'The config encrypts fields (mongodb.options.autoEncryption), which migrations here cannot: what they write would be ' +
      'stored in the clear. Nothing was run.',
    {
      exitCode: ExitCode.usage,
      action: {
        label: 'Encrypt in the migration, with a ClientEncryption of its own, and take the option out',
      },
    },
  );
}

const told = new WeakSet<object>();

/** The options for a script's client; once in each run those are told that have no effect. */
export function scriptClientOptions({ settings: { client }, recorder }: RunScope): Record<string, unknown> {
  if (client && client.withoutEffect.length > 0 && !told.has(recorder)) {
    told.add(recorder);
    recorder.log('warn', withoutEffect(client.withoutEffect));
  }
  return client?.forClients ?? {};
}
