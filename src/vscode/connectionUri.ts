// A connection string in parts, as a form asks for them, and back. What the form does not ask for stays as it was. Pure;
// what is wrong with a string says project/target.ts.
import { decode } from '../project/target';

export type Auth = 'none' | 'password' | 'x509';
export type Tls = 'off' | 'on' | 'ownAuthority' | 'unchecked';

export interface UriFields {
  /** DNS knows the hosts (`mongodb+srv://`). */
  srv: boolean;
  /** `a:27017,b:27017`, or the one name of a seed list. */
  hosts: string;
  auth: Auth;
  user: string;
  password: string;
  /** The database that knows the user. */
  authSource: string;
  tls: Tls;
  /** Paths; the second is the client's own certificate with its key. */
  caFile: string;
  certificateFile: string;
  /** All other options. */
  rest: [name: string, value: string][];
}

export const emptyFields: UriFields = {
  srv: false,
  hosts: 'localhost:27017',
  auth: 'none',
  user: '',
  password: '',
  authSource: 'admin',
  tls: 'off',
  caFile: '',
  certificateFile: '',
  rest: [],
};

const shape = /^mongodb(\+srv)?:\/\/(?:([^/?#@]*)@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?(.*))?$/i;

/** Undefined for a string that is not written out (`${env:NAME}`) or cannot be read. */
export function fieldsOf(uri: string): UriFields | undefined {
  const match = shape.exec(uri.trim());
  const hosts = match?.[3];
  if (!match || hosts === undefined || uri.includes('${')) return undefined;
  const [, srv, login, , database = '', query = ''] = match;
  const [user = '', password = ''] = (login ?? '').split(':').map(decode);
  const options = [...new URLSearchParams(query)];
  const take = (name: string): string | undefined => {
    const at = options.findIndex(([option]) => option.toLowerCase() === name.toLowerCase());
    return at < 0 ? undefined : options.splice(at, 1)[0]?.[1];
  };
  const x509 = options.some(([, value]) => value === 'MONGODB-X509') && take('authMechanism') !== undefined;
  // Without one the driver asks the database of the path, and `admin` where there is none.
  const authSource = take('authSource') ?? (database === '' ? 'admin' : decode(database));
  const tls = take('tls') ?? take('ssl') ?? String(srv !== undefined);
  const caFile = take('tlsCAFile') ?? '';
  const unchecked = take('tlsAllowInvalidCertificates') === 'true' || take('tlsInsecure') === 'true';
  return {
    srv: srv !== undefined,
    hosts,
    auth: x509 ? 'x509' : user === '' ? 'none' : 'password',
    user,
    password,
    authSource: x509 ? 'admin' : authSource,
    tls: tls !== 'true' ? 'off' : unchecked ? 'unchecked' : caFile === '' ? 'on' : 'ownAuthority',
    caFile,
    certificateFile: take('tlsCertificateKeyFile') ?? '',
    rest: options,
  };
}

export function uriOf(fields: UriFields): string {
  const { srv, hosts, auth, user, password, authSource, tls, caFile, certificateFile, rest } = fields;
  const login = auth === 'password' ? `${encodeURIComponent(user)}:${encodeURIComponent(password)}@` : '';
  const options: [string, string][] = [
    ...(auth === 'password' ? ([['authSource', authSource]] as [string, string][]) : []),
    ...(auth === 'x509' ? ([['authMechanism', 'MONGODB-X509']] as [string, string][]) : []),
    ...tlsOptions(srv, tls, caFile),
    ...(certificateFile !== '' && tls !== 'off'
      ? ([['tlsCertificateKeyFile', certificateFile]] as [string, string][])
      : []),
    ...rest,
  ];
  const query = options.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return `mongodb${srv ? '+srv' : ''}://${login}${hosts}/${query === '' ? '' : `?${query}`}`;
}

/** Only what differs from what the kind of string means by itself. */
function tlsOptions(srv: boolean, tls: Tls, caFile: string): [string, string][] {
  if (tls === 'off') return srv ? [['tls', 'false']] : [];
  const on: [string, string][] = srv ? [] : [['tls', 'true']];
  if (tls === 'ownAuthority') on.push(['tlsCAFile', caFile]);
  if (tls === 'unchecked') on.push(['tlsAllowInvalidCertificates', 'true']);
  return on;
}
