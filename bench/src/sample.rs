//! Interleaved rounds, with their median and spread.

use anyhow::Result;

/// The figures of one program, a round each, in the order of the rounds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample(Vec<f64>);

/// Lets every program run once a round, so that a busy moment of the machine hits all of them. Who begins changes from
/// round to round. `run` gets the number of the program.
pub(crate) fn interleaved<T, const N: usize>(
    rounds: usize,
    mut run: impl FnMut(usize) -> Result<T>,
) -> Result<[Vec<T>; N]> {
    let mut results = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..rounds {
        for place in 0..N {
            let program = (round + place) % N;
            results[program].push(run(program)?);
        }
    }
    Ok(results)
}

impl Sample {
    /// One figure of each result.
    pub(crate) fn of<T>(results: &[T], figure: impl Fn(&T) -> f64) -> Self {
        Self(results.iter().map(figure).collect())
    }

    /// Both samples, round by round.
    pub(crate) fn with(&self, other: &Self, figure: impl Fn(f64, f64) -> f64) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| figure(*own, *other)).collect())
    }

    /// The figure in the middle; between the two in the middle, where there are two.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        }
    }

    /// `percent` of the figures are at most this: 0 gives the least, 100 the most.
    pub(crate) fn quantile(&self, percent: usize) -> f64 {
        let sorted = self.sorted();
        let last = sorted.len().saturating_sub(1);
        sorted.get(last * percent.min(100) / 100).copied().unwrap_or(f64::NAN)
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let table: [(&[f64], f64); 4] =
            [(&[7.0], 7.0), (&[9.0, 1.0], 5.0), (&[3.0, 900.0, 1.0], 3.0), (&[4.0, 1.0, 3.0, 2.0], 2.5)];
        for (figures, median) in table {
            let sample = Sample::of(figures, |figure| *figure);
            assert!((sample.median() - median).abs() < f64::EPSILON, "{figures:?}");
        }
    }

    #[test]
    fn quantiles_reach_from_the_least_to_the_most() {
        let sample = Sample((0..=200).rev().map(f64::from).collect());
        assert_eq!([0, 5, 95, 100].map(|percent| sample.quantile(percent)), [0.0, 10.0, 190.0, 200.0]);
    }

    #[test]
    fn samples_are_compared_round_by_round() {
        let (one, other) = (Sample(vec![4.0, 9.0]), Sample(vec![2.0, 3.0]));
        assert_eq!(one.with(&other, |one, other| one / other), Sample(vec![2.0, 3.0]));
    }

    #[test]
    fn everybody_runs_once_a_round_and_begins_in_turn() {
        let mut order = Vec::new();
        let results: [Vec<usize>; 2] = interleaved(3, |program| {
            order.push(program);
            Ok(order.len())
        })
        .unwrap();
        assert_eq!(order, [0, 1, 1, 0, 0, 1]);
        assert_eq!(results, [vec![1, 4, 5], vec![2, 3, 6]]);
    }
}
