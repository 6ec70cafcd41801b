// Debian packages without installing them: a private apt state (sources, lists, archives of our own), from which
// packages are unpacked into a folder. Mirrors are those that the machine itself uses.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A folder that holds everything apt would keep under /var and /etc. */
export interface AptState {
  folder: string;
  options: string[];
}

/** An apt state that reads the machine's own sources; `sources` (deb822 text) replaces them. */
export async function privateApt(folder: string, sources?: string): Promise<AptState> {
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
  await mkdir(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  const options = [
    `Dir::State::lists=${join(folder, 'lists')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    'APT::Sandbox::User=root',
    // Suites that are no longer renewed let their date run out.
    'Acquire::Check-Valid-Until=false',
    'Acquire::Languages=none',
    'Acquire::Retries=2',
    'Debug::NoLocking=1',
    'APT::Keep-Downloaded-Packages=true',
    'DPkg::Post-Invoke=',
    'APT::Update::Post-Invoke=',
  ];
  if (sources !== undefined) {
    const file = join(folder, 'private.sources');
    await writeFile(file, sources);
    options.push(`Dir::Etc::sourcelist=${file}`, 'Dir::Etc::sourceparts=/dev/null');
  }
  const state = { folder, options: options.flatMap((option) => ['-o', option]) };
  // One source of several may be down; whether it matters shows at the download.
  await run('apt-get', [...state.options, 'update']).catch(() => undefined);
  return state;
}

/** Sources of another Debian release on the mirrors of this machine. */
export async function sourcesOfRelease(own: AptState, release: string): Promise<string> {
  const format = '$(REPO_URI) $(RELEASE)';
  const targets = await run('apt-get', [
    ...own.options,
    'indextargets',
    '--format',
    format,
    'Created-By: Packages',
    'Component: main',
  ]);
  const stanzas = new Set<string>();
  for (const line of targets.split('\n')) {
    const [uri, suite] = line.trim().split(' ');
    if (uri === undefined || suite === undefined) continue;
    const kind = /^[a-z]+(-security)?$/.exec(suite);
    if (kind === null || !/debian/i.test(uri)) continue;
    stanzas.add(
      `Types: deb\nURIs: ${uri}\nSuites: ${release}${kind[1] ?? ''}\nComponents: main\nSigned-By: ${keyring}\n`,
    );
  }
  if (stanzas.size === 0) throw new Error('the apt sources of this machine name no Debian mirror');
  return [...stanzas].join('\n');
}

/** Unpacks the newest version of a package into `target`, without what it depends on. */
export async function unpackPackage(state: AptState, name: string, target: string): Promise<void> {
  const folder = join(state.folder, name);
  await mkdir(folder);
  await run('apt-get', [...state.options, 'download', name], { cwd: folder });
  await unpackAll(folder, target);
}

/** Unpacks packages and of their dependencies those that this machine has not installed. */
export async function unpackMissing(state: AptState, names: string[], target: string): Promise<void> {
  await run('apt-get', [
    ...state.options,
    'install',
    '--download-only',
    '--yes',
    '--no-install-recommends',
    ...names,
  ]);
  await unpackAll(join(state.folder, 'cache', 'archives'), target);
}

async function unpackAll(folder: string, target: string): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
  if (files.length === 0) throw new Error('apt-get downloaded nothing');
  for (const file of files) await run('dpkg-deb', ['-x', join(folder, file), target]);
}
