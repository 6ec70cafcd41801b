// Options of migrate-mongo's config for the driver's client that have no place in a connection string: those that only say
// how values are read and written are for the clients of migrations, which are connected to the local door. What would
// decide where and how the server is reached, or who reads the data, cannot be done there and is refused, not passed over.
import { inStrings } from './uriOptions';

/** https://www.mongodb.com/docs/drivers/node/current/connect/connection-options/ and /data-formats/bson/ */
const forClients: ReadonlySet<string> = new Set(
  (
    'promoteValues promoteLongs promoteBuffers useBigInt64 ignoreUndefined bsonRegExp serializeFunctions fieldsAsRaw raw ' +
    'checkKeys enableUtf8Validation forceServerObjectId pkFactory'
  ).split(' '),
);

const inAFile = 'Put it into a file and name that with tlsCAFile or tlsCertificateKeyFile';
/** What cannot be had here, with what to do instead. */
const refused: Readonly<Record<string, string>> = {
  ca: inAFile,
  cert: inAFile,
  key: inAFile,
  pfx: inAFile,
  passphrase: 'Write tlsCertificateKeyFilePassword',
  crl: 'Take it out',
  secureContext: inAFile,
  checkServerIdentity: 'Write tlsAllowInvalidHostnames if the name of the host may be another one',
  rejectUnauthorized: 'Write tlsAllowInvalidCertificates if every certificate will do',
  sslCA: 'Write tlsCAFile',
  sslCert: 'Write tlsCertificateKeyFile',
  sslKey: 'Write tlsCertificateKeyFile',
  sslPass: 'Write tlsCertificateKeyFilePassword',
  sslCRL: 'Take it out',
  sslValidate: 'Write tlsAllowInvalidCertificates if every certificate will do',
  proxyHost: 'Open a tunnel to the server and name its end in mongodb.url',
};

export interface DriverOptions {
  /** For the clients of migrations. */
  forClients: Record<string, unknown>;
  /** The client would encrypt and decrypt fields, which nothing here can do for it. */
  encrypts: boolean;
  /** Names of those that have no effect on migrations, though one could expect it. */
  withoutEffect: string[];
  /** The first that cannot be had, with what to do instead. */
  refused?: { name: string; instead: string };
}

export function sortDriverOptions(options: Record<string, unknown>): DriverOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
  const names = given.map(([name]) => name);
  const name = names.find((each) => Object.hasOwn(refused, each));
  return {
    forClients: Object.fromEntries(given.filter(([each]) => forClients.has(each))),
    encrypts: names.includes('autoEncryption'),
    withoutEffect: names.filter(
      (each) =>
        !forClients.has(each) &&
        !inStrings.has(each) &&
        !Object.hasOwn(refused, each) &&
        !ofNoMatter.has(each),
    ),
    ...(name === undefined ? {} : { refused: { name, instead: refused[name]! } }),
  };
}

/** Handled elsewhere, or of old drivers, or nothing that a migration would notice. */
const ofNoMatter: ReadonlySet<string> = new Set(
  (
    'auth autoEncryption appName appname driverInfo monitorCommands useNewUrlParser useUnifiedTopology useCreateIndex ' +
    'useFindAndModify poolSize keepAlive keepAliveInitialDelay noDelay family heartbeatFrequencyMS localThresholdMS ' +
    'maxIdleTimeMS waitQueueTimeoutMS promiseLibrary logger loggerLevel native_parser autoReconnect reconnectTries ' +
    'reconnectInterval mongodbLogPath mongodbLogComponentSeverities mongodbLogMaxDocumentLength'
  ).split(' '),
);

export function withoutEffect(names: readonly string[]): string {
  const list = names.map((name) => `mongodb.options.${name}`).join(', ');
  return `${list} ${names.length === 1 ? 'has' : 'have'} no effect on migrations.`;
}
