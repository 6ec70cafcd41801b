// Connection strings on both sides of the door.
import assert from 'node:assert/strict';
import { parseUri, tlsOptions, uriForScript } from '../../../src/wire/address';

function scripts(uri: string, authSource?: string): string {
  return uriForScript(parseUri(uri), 4000, 'TOKEN', authSource);
}

describe('connection strings of the door', () => {
  it('keep credentials, database and driver options, and lose the way to the real servers', () => {
    const uri =
      'mongodb://us%40er:p%2Fw%20@h1:27017,h2:27018/shop?replicaSet=rs0&tls=true&tlsCAFile=/ca.pem&authSource=admin' +
      '&retryWrites=false&compressors=zlib&readPreference=secondary&appName=mine&w=majority';
    assert.equal(
      scripts(uri),
      'mongodb://us%40er:p%2Fw%20@127.0.0.1:4000/shop?authSource=admin&retryWrites=false&w=majority&directConnection=true&appName=TOKEN',
    );
    assert.equal(
      scripts('mongodb://localhost'),
      'mongodb://127.0.0.1:4000/?directConnection=true&appName=TOKEN',
    );
  });

  it('say where the credentials live when DNS would have said it', () => {
    assert.match(
      scripts('mongodb+srv://u:p@cluster.example.net/shop'),
      /^mongodb:\/\/u:p@127\.0\.0\.1:4000\/shop\?authSource=admin&/,
    );
    assert.match(scripts('mongodb+srv://u:p@cluster.example.net/shop', 'users'), /authSource=users/);
    assert.match(scripts('mongodb+srv://u:p@cluster.example.net/?authSource=x', 'users'), /authSource=x/);
    assert.ok(!scripts('mongodb+srv://cluster.example.net/shop').includes('authSource'));
  });

  it('name what a script cannot be led through', () => {
    assert.throws(() => parseUri('mongodb://h/?loadBalanced=true'), {
      name: 'UserError',
      message: /load balancer/,
    });
    assert.throws(() => parseUri('mongodb://h/?proxyHost=p'), { name: 'UserError', message: /SOCKS/ });
  });

  it('turn into TLS options as the driver reads them', async () => {
    const tls = async (options: string): ReturnType<typeof tlsOptions> =>
      await tlsOptions(parseUri(`mongodb://h/?${options}`));
    assert.equal(await tls(''), undefined);
    assert.equal(await tls('tls=false'), undefined);
    assert.equal((await tls('tls=true'))?.rejectUnauthorized, true);
    assert.equal((await tls('ssl=true'))?.rejectUnauthorized, true);
    assert.equal((await tls('tls=true&tlsAllowInvalidCertificates=true'))?.rejectUnauthorized, false);
    const names = await tls('tls=true&tlsAllowInvalidHostnames=true');
    assert.equal(names?.rejectUnauthorized, true);
    assert.equal(names?.checkServerIdentity?.('h', {} as never), undefined);
    assert.equal((await tls('tls=true&tlsInsecure=true'))?.rejectUnauthorized, false);
    assert.ok(await tlsOptions(parseUri('mongodb+srv://cluster.example.net')));
    await assert.rejects(tls('tls=true&tlsCAFile=/no/such/file'), {
      name: 'UserError',
      message: /no\/such\/file/,
    });
  });
});
