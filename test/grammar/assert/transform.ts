// SYNTAX TEST "source.ts" "a transform in TypeScript"
export default defineMigration({
  filter: { releaseDate: { $type: 'string' } },
//                         ^^^^^ keyword.operator.expression.query.mongodb
  transform: (doc: Movie) => ({ $set: { releaseDate: new Date(doc.releaseDate) } }),
//                              ^^^^ keyword.other.update.mongodb
  revertPipeline: [{ $set: { releaseDate: { $dateToString: { date: '$releaseDate' } } } }],
//                   ^^^^ keyword.other.update.mongodb
//                                          ^^^^^^^^^^^^^ support.function.expression.mongodb
//                                                                  ^^^^^^^^^^^^ variable.other.field-path.mongodb
} satisfies TransformMigration<Movie>);
