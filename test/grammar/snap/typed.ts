import { defineMigration } from 'migratory';

interface Order {
  _id: string;
  total?: number;
}

export default defineMigration([
  {
    name: 'typed',
    async up(db) {
      const orders = db.collection<Order>('orders');
      await orders.updateMany({ total: { $exists: false } }, [{ $set: { total: { $sum: '$lines.price' } } }]);
      await orders.bulkWrite([{ updateOne: { filter: { _id: '1' }, update: { '$inc': { total: 1 } } } }]);
    },
    down: null,
  },
]);
