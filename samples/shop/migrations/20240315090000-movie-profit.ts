import { defineMigration } from 'migratory';

interface Movie {
  _id: unknown;
  'Worldwide Gross': number;
  'Production Budget': number;
  profit?: number;
}

/** What a movie brought in beyond what it cost, in dollars. */
function profitOf(movie: Movie): number {
  return movie['Worldwide Gross'] - movie['Production Budget'];
}

export default defineMigration<Movie>({
  description: 'Movies can be sorted by what they earned',

  source: 'movies',
  // Figures are missing for some movies; these stay without a profit.
  filter: {
    'Worldwide Gross': { $type: 'number' },
    'Production Budget': { $type: 'number' },
    profit: { $exists: false },
  },

  transform: (movie) => ({ $set: { profit: profitOf(movie) } }),
  revert: () => ({ $unset: { profit: '' } }),
});
