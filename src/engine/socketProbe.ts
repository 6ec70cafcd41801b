// Opens bare TCP and TLS connections to find out how far the way to a server reaches. Sends no MongoDB message.
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import type { MongoClientOptions } from 'mongodb';
import { engineLookup } from '../wire/ownSockets';
import type { HostPort } from './address';

function settle(socket: Socket, ready: 'connect' | 'secureConnect', timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    socket.once(ready, () => {
      clearTimeout(timer);
      socket.destroy();
      resolve();
    });
    // Stays for errors that come after the connection was given up.
    socket.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

/** Resolves when a TCP connection opens, rejects with the system's error or ETIMEDOUT. */
export function probeTcp({ host, port }: HostPort, timeoutMs: number): Promise<void> {
  const to = port === 0 ? { path: host } : { host, port };
  const socket = createConnection({ ...to, lookup: engineLookup });
  return settle(socket, 'connect', timeoutMs);
}

/** Resolves when TLS is agreed upon, under the TLS options that the driver would use. */
export async function probeTls(at: HostPort, options: MongoClientOptions, timeoutMs: number): Promise<void> {
  const read = (file: string | undefined): Buffer | undefined => (file ? readFileSync(file) : undefined);
  const insecure = options.tlsInsecure === true;
  const certificate = read(options.tlsCertificateKeyFile);
  const socket = connectTls({
    host: at.host,
    port: at.port,
    lookup: engineLookup,
    servername: /^[\d.]+$|:/.test(at.host) ? undefined : at.host,
    ca: read(options.tlsCAFile),
    cert: certificate,
    key: certificate,
    passphrase: options.tlsCertificateKeyFilePassword,
    rejectUnauthorized: !(insecure || options.tlsAllowInvalidCertificates === true),
    ...(insecure || options.tlsAllowInvalidHostnames === true
      ? { checkServerIdentity: () => undefined }
      : {}),
  });
  await settle(socket, 'secureConnect', timeoutMs);
}
