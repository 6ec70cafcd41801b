import assert from 'node:assert/strict';
import { validateUri } from '../../../src/project/target';
import { emptyFields, fieldsOf, uriOf, type UriFields } from '../../../src/vscode/connectionUri';

describe('a connection string in parts', () => {
  it('is put together from what a form asks for', () => {
    const cases: [Partial<UriFields>, string][] = [
      [{}, 'mongodb://localhost:27017/'],
      [
        { auth: 'password', user: 'ann@work', password: 'p:/?#%', hosts: 'a:1,b:2' },
        'mongodb://ann%40work:p%3A%2F%3F%23%25@a:1,b:2/?authSource=admin',
      ],
      [
        { tls: 'ownAuthority', caFile: '/etc/my ca.pem' },
        'mongodb://localhost:27017/?tls=true&tlsCAFile=%2Fetc%2Fmy%20ca.pem',
      ],
      [{ srv: true, hosts: 'c.example.net', tls: 'on' }, 'mongodb+srv://c.example.net/'],
      [{ srv: true, hosts: 'c.example.net', tls: 'off' }, 'mongodb+srv://c.example.net/?tls=false'],
      [
        { auth: 'x509', tls: 'on', certificateFile: '/me.pem' },
        'mongodb://localhost:27017/?authMechanism=MONGODB-X509&tls=true&tlsCertificateKeyFile=%2Fme.pem',
      ],
      [{ tls: 'unchecked' }, 'mongodb://localhost:27017/?tls=true&tlsAllowInvalidCertificates=true'],
    ];
    for (const [given, uri] of cases) {
      assert.equal(uriOf({ ...emptyFields, ...given }), uri);
      assert.equal(validateUri(uri), undefined, uri);
    }
  });

  it('comes back from every string that was put together', () => {
    const strings = [
      'mongodb://localhost:27017/',
      'mongodb://ann%40work:p%3A%2F@a:1,b:2/?authSource=crm&replicaSet=rs0&w=majority',
      'mongodb+srv://ann:pw@c.example.net/?authSource=admin&retryWrites=true',
      'mongodb+srv://c.example.net/?tls=false',
      'mongodb://localhost:27017/?authMechanism=MONGODB-X509&tls=true&tlsCertificateKeyFile=%2Fme.pem',
      'mongodb://[::1]:27017/?tls=true&tlsCAFile=%2Fca.pem',
    ];
    for (const uri of strings) {
      const fields = fieldsOf(uri);
      assert.ok(fields, uri);
      assert.equal(uriOf(fields), uri);
    }
  });

  it('means the same where the database of the path knows the user', () => {
    assert.equal(
      uriOf(fieldsOf('mongodb://ann:pw@a:1/shop') ?? emptyFields),
      'mongodb://ann:pw@a:1/?authSource=shop',
    );
  });

  it('is left as it is where it is not written out or not readable', () => {
    for (const uri of ['${env:URI}', 'mongodb://${env:HOST}/x', 'http://x', 'mongodb://a@b@c/']) {
      assert.equal(fieldsOf(uri), undefined, uri);
    }
  });
});
