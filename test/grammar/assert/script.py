# SYNTAX TEST "source.python" "operators and paths in a migration in Python"
def up(db):
    db.people.update_many({"n": {"$exists": False}}, {'$set': {"n": 1}})
#                                 ^^^^^^^ keyword.operator.expression.query.mongodb
#                                                      ^^^^ keyword.other.update.mongodb
    db.people.update_many({}, [{"$set": {"full": {"$concat": ["$first", " ", "$$ROOT.last"]}}}])
#                                ^^^^ keyword.other.update.mongodb
#                                                  ^^^^^^^ support.function.expression.mongodb
#                                                              ^^^^^^ variable.other.field-path.mongodb
#                                                                             ^^^^^^ variable.language.mongodb
    # a comment about {"$set": 1}
#                       ^^^^ - keyword.other.update.mongodb
    db.people.aggregate([{"$match": {}}, {"$queryStats": {}}, {"$group": {"_id": "$a.b", "n": {"$sum": 1}}}])
#                          ^^^^^^ keyword.control.stage.mongodb
#                                          ^^^^^^^^^^^ keyword.control.stage.mongodb
#                                                                                 ^^^^ variable.other.field-path.mongodb
#                                                                                               ^^^^ support.function.expression.mongodb
    print("costs $5", "$HOME/x", "a $set here")
#                ^^ - variable.other.field-path.mongodb
#                                   ^^^^ - keyword.other.update.mongodb
