// The one table of MongoDB's commands: what each does, how it names what it touches, and which ones a migration
// has no business with, with the sentence that says why. What is not in the table does not pass the door.
import type { CommandKind } from './door';
import * as shapes from './shapes';
import { type Edits, type RawElement, editDocument, editString, elements, isDocument } from './rawBson';
import type { Access, CommandView, Shape } from './shapes';

export interface CommandSpec {
  kind: CommandKind;
  shape: Shape;
  /** Of the namespaces that the shape finds, unless it knows better. */
  access: Access;
  /** Passes without asking the fence: it only lets go of something, so a cancelled run is the better for it. */
  letsGo?: boolean;
  /** Changes something that no redirection can catch, so a dry run refuses it. */
  acts?: boolean;
}

/** A command that is known and refused. */
export interface RefusedCommand {
  refused: string;
}

const table = new Map<string, CommandSpec | RefusedCommand>();

function allow(names: string, spec: Omit<CommandSpec, 'access'> & { access?: Access }): void {
  const access = spec.access ?? (spec.kind === 'write' || spec.kind === 'catalogue' ? 'write' : 'read');
  for (const name of names.split(' ')) table.set(name, { ...spec, access });
}

function refuse(names: string, refused: string): void {
  for (const name of names.split(' ')) table.set(name, { refused });
}

const { collection, database, server } = shapes;

allow('hello isMaster ismaster saslStart saslContinue authenticate logout', {
  kind: 'handshake',
  shape: server,
});

allow('find count distinct', { kind: 'read', shape: collection });
allow('getMore', { kind: 'read', shape: shapes.collectionField });
allow('killCursors', { kind: 'session', shape: collection, letsGo: true });
allow('aggregate', { kind: 'read', shape: shapes.aggregate });
allow('mapReduce mapreduce', { kind: 'read', shape: shapes.mapReduce });
allow('filemd5', { kind: 'read', shape: shapes.files });
allow('listIndexes collStats collstats planCacheListFilters', { kind: 'read', shape: collection });
allow('validate dataSize', { kind: 'read', shape: collection });
allow('listCollections dbStats dbstats dbHash dbhash', { kind: 'read', shape: database });
allow('listDatabases', { kind: 'read', shape: server });

allow('insert update delete findAndModify findandmodify', { kind: 'write', shape: collection });
allow('bulkWrite', { kind: 'write', shape: shapes.bulkWrite });

allow('create collMod', { kind: 'catalogue', shape: shapes.definition });
allow('drop createIndexes dropIndexes deleteIndexes', { kind: 'catalogue', shape: collection });
allow('convertToCapped', { kind: 'catalogue', shape: collection });
allow('createSearchIndexes updateSearchIndex dropSearchIndex', { kind: 'catalogue', shape: collection });
allow('cloneCollectionAsCapped', { kind: 'catalogue', shape: shapes.cloneTo });
allow('dropDatabase', { kind: 'catalogue', shape: database });
allow('renameCollection', { kind: 'catalogue', shape: shapes.rename });
allow('enableSharding shardCollection reshardCollection refineCollectionShardKey', {
  kind: 'catalogue',
  shape: shapes.fullName,
});

allow('startSession refreshSessions commitTransaction', { kind: 'session', shape: server });
allow('abortTransaction endSessions killSessions', { kind: 'session', shape: server, letsGo: true });

allow('ping buildInfo buildinfo connectionStatus whatsmyuri listCommands features', {
  kind: 'control',
  shape: server,
});
allow('getParameter serverStatus hostInfo getCmdLineOpts getLog top lockInfo', {
  kind: 'control',
  shape: server,
});
allow('currentOp replSetGetStatus replSetGetConfig getDefaultRWConcern', { kind: 'control', shape: server });
allow('getClusterParameter listShards shardingState balancerStatus isdbgrid', {
  kind: 'control',
  shape: server,
});
allow('usersInfo rolesInfo', { kind: 'control', shape: server });
allow('killOp', { kind: 'control', shape: server, acts: true });
allow('planCacheClear planCacheSetFilter planCacheClearFilters', { kind: 'control', shape: collection });

const OUTSIDE = 'Do it outside of the migration, with a client of your own.';

refuse(
  'createUser updateUser dropUser dropAllUsersFromDatabase grantRolesToUser revokeRolesFromUser createRole ' +
    'updateRole dropRole dropAllRolesFromDatabase grantPrivilegesToRole revokePrivilegesFromRole ' +
    'grantRolesToRole revokeRolesFromRole invalidateUserCache',
  `it changes who may do what on the server, and could not be undone or rehearsed. ${OUTSIDE}`,
);
refuse(
  'shutdown fsync fsyncUnlock setParameter setFeatureCompatibilityVersion logRotate logApplicationMessage ' +
    'setDefaultRWConcern setUserWriteBlockMode setClusterParameter setIndexCommitQuorum setQuerySettings ' +
    'removeQuerySettings rotateCertificates profile compact autoCompact configureFailPoint',
  `it changes the server for everybody, and could not be undone or rehearsed. ${OUTSIDE}`,
);
refuse('killAllSessions killAllSessionsByPattern', `it ends the sessions of other programs. ${OUTSIDE}`);
refuse(
  'replSetInitiate replSetReconfig replSetStepDown replSetStepUp replSetFreeze replSetMaintenance ' +
    'replSetSyncFrom replSetResizeOplog replSetAbortPrimaryCatchUp appendOplogNote applyOps resync',
  `it concerns the replica set itself. ${OUTSIDE}`,
);
refuse(
  'addShard removeShard addShardToZone removeShardFromZone updateZoneKeyRange moveChunk moveRange movePrimary ' +
    'moveCollection unshardCollection split splitVector mergeChunks balancerStart balancerStop ' +
    'balancerCollectionStatus clearJumboFlag flushRouterConfig cleanupOrphaned abortReshardCollection ' +
    'commitReshardCollection configureCollectionBalancing configureQueryAnalyzer analyzeShardKey ' +
    'transitionToDedicatedConfigServer transitionFromDedicatedConfigServer',
  `it concerns the sharded cluster itself. ${OUTSIDE}`,
);
refuse(
  'reIndex',
  `it blocks the collection while it runs. Drop and create the indexes instead, or ${lower(OUTSIDE)}`,
);
refuse(
  'compactStructuredEncryptionData cleanupStructuredEncryptionData',
  `it changes data of encrypted collections in a way that could not be undone. ${OUTSIDE}`,
);

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** `{explain: {find: 'orders', …}}`: whatever is explained only reads. */
const explain: Shape = {
  touched: (view) => {
    const inner = innerCommand(view.first);
    if (!inner) return [];
    const found = inner.spec.shape.touched({ ...inner, sequences: () => [] }, 'read');
    return found.map((namespace) => ({ ...namespace, access: 'read' }));
  },
  edits: (target) => ({
    explain: (element) => {
      const inner = innerCommand(element);
      if (!inner) return undefined;
      const edits = redirectingEdits(inner.spec, inner.first.name, target);
      const changed = editDocument(inner.body, edits);
      return changed === inner.body ? undefined : changed;
    },
  }),
};
allow('explain', { kind: 'read', shape: explain });

function innerCommand(
  explained: RawElement,
): { spec: CommandSpec; first: RawElement; body: Buffer } | undefined {
  if (!isDocument(explained)) return undefined;
  const first = elements(explained.value).next().value as RawElement | undefined;
  const spec = first && table.get(first.name);
  return first && spec && !('refused' in spec) ? { spec, first, body: explained.value } : undefined;
}

/** What a command is, or the sentence with which it is refused. */
export function specOf(view: CommandView): CommandSpec | RefusedCommand {
  const { name } = view.first;
  const spec = table.get(name);
  if (!spec) {
    return {
      refused:
        `Migratory does not know the command "${name}", so it could neither undo nor rehearse it and lets it not ` +
        `pass. Use a documented method of the driver. ${OUTSIDE}`,
    };
  }
  if ('refused' in spec) return { refused: `Migratory does not let "${name}" pass: ${spec.refused}` };
  if (spec.shape === explain && !innerCommand(view.first)) {
    return { refused: 'Migratory does not know the command that is to be explained, and lets it not pass.' };
  }
  return spec;
}

/** All edits that lead the command into the databases that `target` names. */
export function redirectingEdits(
  spec: CommandSpec,
  name: string,
  target: (database: string) => string,
): Edits {
  return { ...spec.shape.edits?.(target, name), $db: editString(target) };
}

/** Every command of the table that passes, for tests and documentation. */
export function allowedCommands(): [name: string, spec: CommandSpec][] {
  return [...table].filter((entry): entry is [string, CommandSpec] => !('refused' in entry[1]));
}
