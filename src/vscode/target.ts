// What the extension says about where a connection leads, on top of project/target.ts. Never holds a secret.
import { describeTarget } from '../project/target';
import { UserError } from '../protocol/errors';
import { Command } from './manifest';
import type { Translate } from './words';

/** `localhost:27017`, the host part of `shop on localhost:27017`. */
export function hostOf(uri: string): string {
  const database = 'x';
  return describeTarget({ uri, database }).slice(`${database} on `.length);
}

/** What can be said about the name of a database; undefined when nothing is wrong. */
export function databaseProblem(name: string, t: Translate): string | undefined {
  if (name.trim() === '') return t('The connection string names no database, so it is needed here.');
  if (/[/\\. "$\0]/.test(name.trim()) || Buffer.byteLength(name) > 63) {
    return t('A database name has at most 63 bytes and holds no space and none of / \\ . " $.');
  }
  return undefined;
}

/** In a container, over SSH or in a codespace `localhost` is not the machine that the person sits at. */
export function remoteHint(uri: string, remoteName: string | undefined, t: Translate): string | undefined {
  const isLocal = /(?:^|, )(?:localhost|127\.0\.0\.1|\[::1\]):/.test(hostOf(uri));
  if (remoteName === undefined || !isLocal) return undefined;
  return t('Here that is the machine of the remote window ({0}), not your own computer.', remoteName);
}

export function noConnection(t: Translate): UserError {
  return new UserError(t('No connection is selected, so there is no database to work on.'), {
    action: { label: t('Select Connection'), command: Command.selectConnection },
  });
}
