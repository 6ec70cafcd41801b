export default {
  name: 'orders-by-customer',
  source: 'orders',
  pipeline: [
    { $match: { status: { $in: ['paid', 'sent'] } } },
    { $lookup: { from: 'customers', localField: 'customerId', foreignField: '_id', as: 'customer' } },
    { $unwind: { path: '$customer', preserveNullAndEmptyArrays: true } },
    {
      $group: {
        _id: '$customerId',
        total: { $sum: { $multiply: ['$price', '$count'] } },
        last: { $max: '$$ROOT.createdAt' },
      },
    },
    { $set: { big: { $cond: { if: { $gte: ['$total', 1000] }, then: true, else: '$$REMOVE' } } } },
  ],
  into: 'customer_totals',
  whenMatched: 'replace',
};
