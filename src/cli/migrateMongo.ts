// The second program, `migratory-mm`: migrate-mongo's command line with the same options, messages, files, changelog and
// exit codes, over our engine. What is safer here than there is said on standard error.
import Table from 'cli-table3';
import { Command } from 'commander';
import { connect, type Connection } from '../engine/connect';
import { RunSwitch } from '../engine/scope';
import { type StatusItem, statusOf } from '../migrateMongo/changelog';
import { type CallOptions, type MigrateMongoConfig, readConfig, settingsFrom } from '../migrateMongo/config';
import { create, init } from '../migrateMongo/folder';
import { type Call, down, MigrateMongoError, up } from '../migrateMongo/run';
import { ExitCode } from '../protocol/errors';
import { redact } from '../protocol/redact';
import { obeySignals } from './signals';
import { version } from './version';

process.title = 'migratory-mm';

const program = new Command('migratory-mm').version(version);
const file = ['-f --file <file>', 'use a custom config file'] as const;
const migrationsDir = ['--migrations-dir <migrationsDir>', 'use a custom migrations directory'] as const;

program
  .command('init')
  .description('write a config and make the folder of the migrations')
  .option('-m --module <module system>', 'commonjs (default) or esm')
  .action((options: { module?: string }) =>
    ending(async () => {
      const name = await init(options);
      console.log(`Initialization successful. Please edit the generated \`${name}\` file`);
    }),
  );

program
  .command('create [description]')
  .description('write a new migration')
  .option(...file)
  .option(...migrationsDir)
  .action((description: string | undefined, options: CallOptions) =>
    ending(async () => {
      const name = await create(description, options);
      const config = await readConfig(options).catch((): MigrateMongoConfig => options);
      console.log(`Created: ${config.migrationsDir ?? 'migrations'}/${name}`);
    }),
  );

program
  .command('up')
  .description('run all pending migrations')
  .option(...file)
  .option(...migrationsDir)
  .action((options: CallOptions) => migrating(options, up, 'MIGRATED UP'));

program
  .command('down')
  .description('undo the last applied migration')
  .option(...file)
  .option('-b --block', 'undo everything that was applied together with it')
  .option(...migrationsDir)
  .action((options: CallOptions) => migrating(options, down, 'MIGRATED DOWN'));

program
  .command('status')
  .description('show which migrations are applied')
  .option(...file)
  .option(...migrationsDir)
  .action((options: CallOptions) =>
    ending(() =>
      withConnection(options, async (connection, config) => {
        console.log(table(await statusOf(connection.db, config, options, warn), config));
      }),
    ),
  );

program.parse(process.argv);

function migrating(
  options: CallOptions,
  work: (call: Call) => Promise<string[]>,
  done: 'MIGRATED UP' | 'MIGRATED DOWN',
): Promise<void> {
  return ending(() =>
    withConnection(options, async (connection, config) => {
      const runSwitch = new RunSwitch();
      const release = obeySignals(runSwitch, { say: warn });
      try {
        const names = await work({ connection, config, options, program: 'cli', switch: runSwitch, warn });
        for (const name of names) console.log(`${done}: ${name}`);
      } catch (error) {
        // What was done before the failure is in the changelog, so it is said; there it is not.
        if (error instanceof MigrateMongoError)
          for (const name of error.migrated) console.error(`${done}: ${name}`);
        throw error;
      } finally {
        release();
      }
    }),
  );
}

async function withConnection(
  options: CallOptions,
  work: (connection: Connection, config: MigrateMongoConfig) => Promise<void>,
): Promise<void> {
  const config = await readConfig(options);
  if (!config.mongodb?.url) throw new Error('No `url` defined in config file!');
  const [target] = settingsFrom(config, options).connections;
  const connection = await connect(target!, { appName: 'migratory-mm' });
  try {
    await work(connection, config);
  } finally {
    await connection.close();
  }
}

/** Ends the process as migrate-mongo does: with 0, or with 1 and one line with the stack. */
async function ending(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    console.error(`ERROR: ${redact(message)}`, redact(stack ?? ''));
    process.exitCode =
      error instanceof MigrateMongoError && error.cancelled ? ExitCode.cancelled : ExitCode.failed;
  }
  await Promise.all([process.stdout, process.stderr].map((stream) => drained(stream)));
  // An author's timers and sockets must not hold the terminal.
  process.exit();
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()));
}

function warn(sentence: string): void {
  console.error(`WARNING: ${sentence}`);
}

function table(items: StatusItem[], { useFileHash }: MigrateMongoConfig): string {
  const hash = useFileHash === true ? ['Hash'] : [];
  const shown = new Table({ head: ['Filename', ...hash, 'Applied At', 'Migration block'] });
  for (const { fileName, fileHash, appliedAt, migrationBlock } of items) {
    const cells = [fileName, ...(fileHash === undefined ? [] : [fileHash]), appliedAt, migrationBlock];
    shown.push(cells.map((cell) => cell ?? ''));
  }
  return shown.toString();
}
