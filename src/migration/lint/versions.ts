// With which MongoDB stages, operators and options came, for those that a server in use may still lack. By the release
// notes of MongoDB; what came between two of its yearly versions counts for the later one (5.2 → 6.0).

export const stages: Readonly<Record<string, string>> = {
  $densify: '6.0',
  $documents: '6.0',
  $fill: '6.0',
  $merge: '4.2',
  $replaceWith: '4.2',
  $set: '4.2',
  $setWindowFields: '5.0',
  $shardedDataDistribution: '6.0',
  $unionWith: '4.4',
  $unset: '4.2',
};

const since = (version: string, names: string): [string, string][] =>
  names.split(' ').map((name) => [name, version]);

export const operators: Readonly<Record<string, string>> = Object.fromEntries([
  ...since('4.2', '$regexFind $regexFindAll $regexMatch $round'),
  ...since(
    '4.4',
    '$sampleRate $accumulator $binarySize $bsonSize $function $isNumber $rand $replaceAll $replaceOne',
  ),
  ...since('5.0', '$covariancePop $covarianceSamp $dateAdd $dateDiff $dateSubtract $dateTrunc'),
  ...since('5.0', '$denseRank $derivative $documentNumber $expMovingAvg $getField $integral'),
  ...since('5.0', '$rank $setField $shift $unsetField'),
  ...since('6.0', '$bottom $bottomN $firstN $lastN $linearFill $locf $maxN $minN $sortArray $top $topN'),
  ...since('6.0', '$tsIncrement $tsSecond'),
  ...since('7.0', '$bitAnd $bitNot $bitOr $bitXor $median $percentile'),
  ...since('8.0', '$toUUID'),
]);

export const introduced = {
  updatePipeline: '4.2',
  clientBulkWrite: '8.0',
  options: {
    createIndex: { hidden: '4.4' },
    createCollection: {
      changeStreamPreAndPostImages: '6.0',
      clusteredIndex: '6.0',
      encryptedFields: '6.0',
      timeseries: '5.0',
    },
    collMod: { changeStreamPreAndPostImages: '6.0' },
  } as Readonly<Record<string, Readonly<Record<string, string>>>>,
};

/** Whether a version (`6.0.27`) comes before another one (`6.0`). */
export function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = than.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}
