// SYNTAX TEST "source.js" "operators, stages and paths in a migration in JavaScript"
const path = '$HOME';
//            ^^^^^ - variable.other.field-path.mongodb
module.exports = {
  async up(db) {
    await db.collection('a').updateMany({ n: { $exists: false } }, { $set: { n: 1 } });
//                                             ^^^^^^^ keyword.operator.expression.query.mongodb
//                                                                   ^^^^ keyword.other.update.mongodb
    await db.collection('a').updateMany({}, [{ $set: { full: { $concat: ['$first', ' ', "$name.last"] } } }]);
//                                             ^^^^ keyword.other.update.mongodb
//                                                             ^^^^^^^ support.function.expression.mongodb
//                                                                        ^^^^^^ variable.other.field-path.mongodb
//                                                                              ^^^^ - variable.other.field-path.mongodb
//                                                                                       ^^^^^^^^^^ variable.other.field-path.mongodb
    await db.collection('a').updateOne({}, { '$inc': { n: 1 }, "$unset": { x: '' } });
//                                            ^^^^ keyword.other.update.mongodb
//                                                              ^^^^^^ keyword.other.update.mongodb
    const groups = [{ $match: {} }, { $group: { _id: '$Release Date', n: { $sum: 1 } } }, { $unwind: '$tags' }];
//                    ^^^^^^ keyword.control.stage.mongodb
//                                    ^^^^^^ keyword.control.stage.mongodb
//                                                    ^^^^^^^^^^^^^ variable.other.field-path.mongodb
//                                                                         ^^^^ support.function.expression.mongodb
//                                                                                          ^^^^^^^ keyword.control.stage.mongodb
//                                                                                                    ^^^^^ variable.other.field-path.mongodb
    const last = { $last: '$$ROOT.total', $nonsense: 1, total: { $size: '$size' } };
//                 ^^^^^ support.function.expression.mongodb
//                         ^^^^^^ variable.language.mongodb
//                               ^^^^^^ variable.other.field-path.mongodb
//                                        ^^^^^^^^^ - keyword.other.update.mongodb
//                                                               ^^^^^^ - variable.other.field-path.mongodb
//                                                                       ^^^^^ variable.other.field-path.mongodb
    // a comment about { $set: '$field' }
//                       ^^^^ - keyword.other.update.mongodb
//                              ^^^^^^ - variable.other.field-path.mongodb
    ctx.log.info(`cost ${last.$set}`, { price: '$5 off', why: 'uses $set: here' });
//                            ^^^^^ - keyword.other.update.mongodb
//                                              ^^ - variable.other.field-path.mongodb
//                                                                  ^^^^^ - keyword.other.update.mongodb
  },
};
