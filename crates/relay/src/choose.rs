//! Which of a model's back ends gets a call: two are drawn by their weights, and the one that would
//! answer sooner gets it (the power of two choices, Mitzenmacher 2001).

/// What is known of a back end that may get the call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Contestant {
    /// Its share of the traffic where all are equally fast; above 0.
    pub(crate) weight: f64,
    /// Peak EWMA, in seconds.
    pub(crate) latency: f64,
    /// Calls on their way.
    pub(crate) in_flight: usize,
}

impl Contestant {
    /// How long a call would wait and take, per weight.
    fn cost(&self) -> f64 {
        self.latency * (self.in_flight + 1) as f64 / self.weight
    }
}

/// The place of the back end that gets the call, given two draws in [0, 1); `None` where there is none.
pub(crate) fn choose(options: &[Contestant], draws: [f64; 2]) -> Option<usize> {
    let first = drawn(options, None, draws[0])?;
    let second = drawn(options, Some(first), draws[1]).unwrap_or(first);
    let is_sooner = options[second].cost() < options[first].cost();
    Some(if is_sooner { second } else { first })
}

/// One of the others than `except`, in proportion to the weights.
fn drawn(options: &[Contestant], except: Option<usize>, draw: f64) -> Option<usize> {
    let others = || {
        let all = options.iter().enumerate();
        all.filter(move |(at, _)| Some(*at) != except)
    };
    let total: f64 = others().map(|(_, option)| option.weight).sum();
    let mut left = draw * total;
    let mut last = None;
    for (at, option) in others() {
        last = Some(at);
        left -= option.weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIKE: Contestant = Contestant {
        weight: 1.0,
        latency: 0.1,
        in_flight: 0,
    };

    /// How often each is chosen over a fine grid of draws.
    fn shares(options: &[Contestant]) -> Vec<f64> {
        const STEPS: usize = 100;
        let mut chosen = vec![0; options.len()];
        let at = |step: usize| (step as f64 + 0.5) / STEPS as f64;
        for one in 0..STEPS {
            for other in 0..STEPS {
                chosen[choose(options, [at(one), at(other)]).unwrap()] += 1;
            }
        }
        let all = (STEPS * STEPS) as f64;
        chosen
            .into_iter()
            .map(|count| f64::from(count) / all)
            .collect()
    }

    #[test]
    fn equals_share_alike() {
        let found = shares(&[ALIKE; 4]);
        assert!(
            found.iter().all(|share| (share - 0.25).abs() < 0.02),
            "{found:?}"
        );
    }

    #[test]
    fn a_slow_one_gets_little() {
        let slow = Contestant {
            latency: 1.0,
            ..ALIKE
        };
        let found = shares(&[ALIKE, slow, ALIKE]);
        assert!(found[1] < 0.01, "{found:?}");
    }

    #[test]
    fn a_busy_one_gets_less_and_a_heavy_one_more() {
        let busy = Contestant {
            in_flight: 3,
            ..ALIKE
        };
        assert!(shares(&[busy, ALIKE, ALIKE])[0] < 0.01);
        let heavy = Contestant {
            weight: 4.0,
            ..ALIKE
        };
        assert!(shares(&[heavy, ALIKE, ALIKE])[0] > 0.6);
    }

    #[test]
    fn one_alone_is_chosen_and_none_is_not() {
        assert_eq!(choose(&[ALIKE], [0.9, 0.9]), Some(0));
        assert_eq!(choose(&[], [0.5, 0.5]), None);
    }
}
