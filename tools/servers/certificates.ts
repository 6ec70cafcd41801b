// Certificates for test servers: an authority of our own, and what it signed for 127.0.0.1 and for a client.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate, type SubjectAltNameEntry } from 'selfsigned';

/** Files in PEM; the authority is known to nobody else. */
export interface Certificates {
  caFile: string;
  /** Certificate and key in one file, as mongod and the driver want it. */
  serverFile: string;
  clientFile: string;
}

/** Makes an authority, a server's and a client's certificate in `folder`; they are good for one day. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const notAfterDate = new Date(Date.now() + 24 * 60 * 60 * 1000);
  const authority = await generate([{ name: 'commonName', value: 'Migratory test authority' }], {
    keySize: 2048,
    algorithm: 'sha256',
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const altNames: SubjectAltNameEntry[] = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
  ];
  const sign = async (name: string): Promise<string> => {
    const signed = await generate([{ name: 'commonName', value: name }], {
      keySize: 2048,
      algorithm: 'sha256',
      notAfterDate,
      ca: { key: authority.private, cert: authority.cert },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        { name: 'subjectAltName', altNames },
      ],
    });
    return `${signed.cert.trim()}\n${signed.private.trim()}\n`;
  };
  const certificates = {
    caFile: join(folder, 'ca.pem'),
    serverFile: join(folder, 'server.pem'),
    clientFile: join(folder, 'client.pem'),
  };
  await writeFile(certificates.caFile, authority.cert);
  await writeFile(certificates.serverFile, await sign('localhost'), { mode: 0o600 });
  await writeFile(certificates.clientFile, await sign('client'), { mode: 0o600 });
  return certificates;
}
