// All checks before a run, in the order in which they are shown. docs/checks.md describes each of them.
import { indexBuildsCheck, longOperationsCheck } from './activityChecks';
import type { Check } from './check';
import { diskCheck } from './diskCheck';
import { estimateCheck } from './estimate';
import { ttlCheck, touchedIndexesCheck, uniqueCheck } from './indexedFieldChecks';
import { privilegesCheck } from './privilegeCheck';
import { lagCheck, membersCheck, oplogCheck } from './replicationChecks';
import { sizeCheck, transformSampleCheck } from './sampleChecks';
import {
  clockCheck,
  loadCheck,
  readOnlyCheck,
  replacesCheck,
  requiresCheck,
  serverCheck,
  transactionsCheck,
  writeBlockCheck,
  writeConcernCheck,
} from './serverChecks';
import {
  collectionTypeCheck,
  dependentsCheck,
  filterIndexCheck,
  indexCheck,
  mergeKeyCheck,
  sourceCheck,
} from './sourceChecks';
import { fidelityCheck, typesCheck } from './typeChecks';
import { validatorCheck } from './validatorChecks';

export const checks: readonly Check[] = [
  serverCheck,
  transactionsCheck,
  readOnlyCheck,
  requiresCheck,
  replacesCheck,
  privilegesCheck,
  writeBlockCheck,
  sourceCheck,
  collectionTypeCheck,
  indexCheck,
  mergeKeyCheck,
  diskCheck,
  transformSampleCheck,
  validatorCheck,
  uniqueCheck,
  sizeCheck,
  fidelityCheck,
  typesCheck,
  ttlCheck,
  touchedIndexesCheck,
  dependentsCheck,
  filterIndexCheck,
  membersCheck,
  lagCheck,
  oplogCheck,
  writeConcernCheck,
  longOperationsCheck,
  indexBuildsCheck,
  loadCheck,
  clockCheck(),
  estimateCheck,
];
