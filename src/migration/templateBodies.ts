// What new migrations start from, one working example for each task, over the same orders. Written for a person who
// puts own names in their place; all of them pass a dry run as they stand.

/** The inside of the object of a migration in JavaScript and TypeScript. */
export const javaScriptBodies = {
  script: `
  async up(db) {
    await db.collection('orders').updateMany({ status: { $exists: false } }, { $set: { status: 'open' } });
  },

  async down(db) {
    await db.collection('orders').updateMany({ status: 'open' }, { $unset: { status: '' } });
  },
`,
  transform: `
  source: 'orders',
  filter: { placedAt: { $type: 'string' } },

  // Called for each matching document, in resumable batches that are journaled first. It gives back an update,
  // an update pipeline, a whole document with its _id, or nothing to leave the document as it is.
  transform(order) {
    return { $set: { placedAt: new Date(order.placedAt) } };
  },

  async validate(orders) {
    return (await orders.countDocuments({ placedAt: { $type: 'string' } })) === 0;
  },
`,
  update: `
  source: 'orders',
  filter: { total: { $exists: false } },

  // Runs on the server, in resumable batches that are journaled first.
  update: [{ $set: { total: { $sum: '$lines.price' } } }],
  revertPipeline: [{ $unset: 'total' }],
`,
  pipeline: `
  source: 'orders',

  // An aggregation over ranges of the source; its documents are merged into another collection, as $merge does it.
  pipeline: [
    { $unwind: '$lines' },
    {
      $project: {
        _id: { $concat: [{ $toString: '$_id' }, '-', '$lines.sku'] },
        order: '$_id',
        sku: '$lines.sku',
        price: '$lines.price',
      },
    },
  ],
  into: 'orderLines',
  whenMatched: 'replace',
  whenNotMatched: 'insert',
`,
  index: `
  // For: orders.find({ customerId }).sort({ placedAt: -1 })
  async up(db) {
    await db.collection('orders').createIndex({ customerId: 1, placedAt: -1 }, { name: 'customerId_placedAt' });
  },

  async down(db) {
    await db.collection('orders').dropIndex('customerId_placedAt');
  },
`,
  convert: `
  // Exact, in resumable batches that are journaled first; it stops at a value that cannot be converted without loss.
  // There is no down: a rollback puts the old values back from the journal.
  async up(db, client, ctx) {
    await ctx.convert('orders', { placedAt: 'date', 'lines.price': 'decimal' });
  },

  async validate(db) {
    return (await db.collection('orders').countDocuments({ placedAt: { $type: 'string' } })) === 0;
  },
`,
  extract: `
  // Each element of the array becomes a document of its own, with the order's _id; the order keeps their _ids.
  // There is no down: a rollback puts the orders back as they were, from the journal.
  async up(db, client, ctx) {
    await ctx.extract('orders', 'lines', { into: 'orderLines', foreignKey: 'orderId', idsField: 'lineIds' });
  },

  async validate(db) {
    return (await db.collection('orders').countDocuments({ lines: { $exists: true } })) === 0;
  },
`,
  split: `
  // Copies, then removes what has arrived: no document is ever in neither collection.
  async up(db) {
    const orders = db.collection('orders');
    const copy = { into: 'closedOrders', whenMatched: 'replace' };
    await orders.aggregate([{ $match: { status: 'closed' } }, { $merge: copy }]).toArray();
    let arrived = [];
    for await (const { _id } of db.collection('closedOrders').find({}, { projection: { _id: 1 } })) {
      arrived.push(_id);
      if (arrived.length < 1000) continue;
      await orders.deleteMany({ _id: { $in: arrived } });
      arrived = [];
    }
    await orders.deleteMany({ _id: { $in: arrived } });
  },

  async down(db) {
    const closed = db.collection('closedOrders');
    await closed.aggregate([{ $merge: { into: 'orders', whenMatched: 'replace' } }]).toArray();
    await closed.drop();
  },
`,
};

/** The functions of a module in Python. */
export const pythonBodies = {
  script: `def up(db):
    db.orders.update_many({"status": {"$exists": False}}, {"$set": {"status": "open"}})


def down(db):
    db.orders.update_many({"status": "open"}, {"$unset": {"status": ""}})
`,
  pipeline: `def up(db):
    db.orders.aggregate(
        [
            {"$unwind": "$lines"},
            {
                "$project": {
                    "_id": {"$concat": [{"$toString": "$_id"}, "-", "$lines.sku"]},
                    "order": "$_id",
                    "sku": "$lines.sku",
                    "price": "$lines.price",
                }
            },
            {"$merge": {"into": "orderLines", "whenMatched": "replace", "whenNotMatched": "insert"}},
        ]
    )


def down(db):
    db.orderLines.drop()
`,
  index: `# For: orders.find({"customerId": id}).sort("placedAt", -1)
def up(db):
    db.orders.create_index([("customerId", 1), ("placedAt", -1)], name="customerId_placedAt")


def down(db):
    db.orders.drop_index("customerId_placedAt")
`,
  convert: `# Exact, in resumable batches that are journaled first; it stops at a value that cannot be converted without loss.
# There is no down: a rollback puts the old values back from the journal.
def up(db, client, ctx):
    ctx.convert("orders", {"placedAt": "date", "lines.price": "decimal"})


def validate(db):
    return db.orders.count_documents({"placedAt": {"$type": "string"}}) == 0
`,
  extract: `# Each element of the array becomes a document of its own, with the order's _id; the order keeps their _ids.
# There is no down: a rollback puts the orders back as they were, from the journal.
def up(db, client, ctx):
    ctx.extract("orders", "lines", into="orderLines", foreign_key="orderId", ids_field="lineIds")


def validate(db):
    return db.orders.count_documents({"lines": {"$exists": True}}) == 0
`,
  split: `# Copies, then removes what has arrived: no document is ever in neither collection.
def up(db):
    copy = {"into": "closedOrders", "whenMatched": "replace"}
    db.orders.aggregate([{"$match": {"status": "closed"}}, {"$merge": copy}])
    arrived = []
    for order in db.closedOrders.find({}, {"_id": 1}):
        arrived.append(order["_id"])
        if len(arrived) == 1000:
            db.orders.delete_many({"_id": {"$in": arrived}})
            arrived = []
    db.orders.delete_many({"_id": {"$in": arrived}})


def down(db):
    db.closedOrders.aggregate([{"$merge": {"into": "orders", "whenMatched": "replace"}}])
    db.closedOrders.drop()
`,
};

export type TemplateKind = keyof typeof javaScriptBodies;
export type PythonTemplateKind = keyof typeof pythonBodies;
