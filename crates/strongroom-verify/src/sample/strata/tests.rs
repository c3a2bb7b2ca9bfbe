use super::*;
use crate::sample::position::Purpose;
use crate::sample::testing::{day, head, unit, units};
use crate::sample::{Share, sample_size};

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

#[test]
fn few_packs_stay_together() {
    let packs = units(60);
    let strata = divide(&packs, day(0));
    assert_eq!(strata.len(), 1);
    assert_eq!(strata[0].added, (0, u64::MAX));
    assert_eq!((strata[0].writer, strata[0].population), (None, 60));
    assert!(divide(&[], day(0)).is_empty());
}

#[test]
fn ages_and_writers_are_told_apart_and_every_pack_fits_once() {
    // Entry n was written n days ago, counted from 500.
    let packs: Vec<_> = (0..2_000)
        .map(|number| {
            let n = number / 4;
            let mut pack = unit(number, n, i64::try_from(n).unwrap() - 500);
            pack.writer = [u8::try_from(number % 3).unwrap(); 32];
            pack
        })
        .collect();
    let strata = divide(&packs, day(0));
    let ages: Vec<_> = strata.iter().map(|stratum| stratum.added).collect();
    assert_eq!(ages[0], (0, 135));
    assert!(ages.contains(&(136, 470)) && ages.contains(&(471, u64::MAX)));
    let total: u64 = strata.iter().map(|stratum| stratum.population).sum();
    assert_eq!(total, 2_000);
    for pack in &packs {
        let stratum = strata[stratum_of(&strata, pack).unwrap()];
        let old = match pack.n {
            0..=135 => (0, 135),
            136..=470 => (136, 470),
            _ => (471, u64::MAX),
        };
        assert_eq!(stratum.added, old);
        assert!(stratum.writer.is_none_or(|writer| writer == pack.writer));
    }
}

#[test]
fn rare_writers_share_a_stratum() {
    let mut packs = units(600);
    for (number, pack) in packs.iter_mut().enumerate() {
        pack.time = day(-1);
        pack.writer = [if number % 50 == 0 {
            u8::try_from(number / 50).unwrap() + 9
        } else {
            u8::try_from(number % 2).unwrap()
        }; 32];
    }
    let writers: Vec<_> = divide(&packs, day(0))
        .iter()
        .map(|stratum| stratum.writer)
        .collect();
    assert_eq!(writers, [Some([1; 32]), Some([0; 32]), None]);
}

#[test]
fn one_stratum_needs_what_the_tables_say() {
    for (population, expected) in [(1_000, 258), (10_000, 294)] {
        let mut strata = vec![Stratum {
            added: (0, u64::MAX),
            writer: None,
            population,
            drawn: 0,
            last: 0,
        }];
        allot(&mut strata, &Sampling::proving(share("95%"), share("1%")));
        assert_eq!(strata[0].drawn, expected);
        allot(&mut strata, &Sampling::proving(share("95%"), Share::NONE));
        assert_eq!(strata[0].drawn, population);
        allot(&mut strata, &Sampling::share(share("0.0000001%")));
        assert_eq!(strata[0].drawn, 1);
    }
}

#[test]
fn several_strata_need_hardly_more_than_one() {
    let sizes = [10, 90, 400, 3_500, 6_000];
    let mut strata: Vec<_> = sizes
        .iter()
        .map(|population| Stratum {
            added: (0, u64::MAX),
            writer: None,
            population: *population,
            drawn: 0,
            last: 0,
        })
        .collect();
    let sampling = Sampling::proving(share("99%"), share("0.5%"));
    allot(&mut strata, &sampling);
    let drawn: u64 = strata.iter().map(|stratum| stratum.drawn).sum();
    let one = sample_size(10_000, share("99%"), share("0.5%"));
    assert!((one..one + 10).contains(&drawn), "{drawn} {one}");
    // And what they prove is what was to be proved.
    let of = |stratum: &Stratum| Drawn {
        population: stratum.population,
        read: stratum.drawn,
    };
    assert_eq!(
        Strata::new(strata.iter().map(of)).upper_count(0, share("99%")),
        49
    );
}

#[test]
fn exactly_the_packs_up_to_the_last_position_are_drawn() {
    let packs = units(500);
    let mut strata = divide(&packs, day(0));
    allot(&mut strata, &Sampling::proving(share("95%"), share("1%")));
    let seed = Seed::new(Purpose::Sample, &head(51));
    let drawn: Vec<_> = draw(&mut strata, &packs, &seed)
        .into_iter()
        .map(|unit| unit.name)
        .collect();
    let planned: u64 = strata.iter().map(|stratum| stratum.drawn).sum();
    assert_eq!(drawn.len() as u64, planned);
    for pack in &packs {
        let stratum = strata[stratum_of(&strata, pack).unwrap()];
        let is_within = seed.position(&pack.name) <= stratum.last;
        assert_eq!(drawn.contains(&pack.name), is_within);
    }
}
