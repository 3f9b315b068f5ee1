//! How fast is an encoder? `encode_speed SPEC FILE [SECONDS [DEVICE]]`: one text a line of FILE.
//!
//! Prints the time to open, then the time of a text alone (best, median) as a server pays it, then
//! texts per second of all of them together as training pays it.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use pointsman_encoders::{Encoder, device};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(spec), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: encode_speed SPEC FILE [SECONDS [DEVICE]]".into());
    };
    let seconds = arguments.next().map_or(Ok(5.0), |text| text.parse())?;
    let device = device(&arguments.next().unwrap_or_else(|| "cpu".into()))?;
    let text = std::fs::read_to_string(file)?;
    let texts: Vec<&str> = text.lines().collect();
    let start = Instant::now();
    let encoder = Encoder::open(&spec.parse()?, &device)?;
    let opened = start.elapsed();
    let alone = alone(&encoder, &texts, seconds)?;
    let together = together(&encoder, &texts, seconds)?;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    writeln!(
        std::io::stdout(),
        "open {:.0} ms; alone best {:.1} us, median {:.1} us a text; together {together:.0} texts/s",
        opened.as_secs_f64() * 1e3,
        micros(alone[0]),
        micros(alone[alone.len() / 2]),
    )?;
    Ok(())
}

/// The time of each text, the shortest first, over and over for so long.
fn alone(encoder: &Encoder, texts: &[&str], seconds: f64) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut times = Vec::new();
    let start = Instant::now();
    for text in texts.iter().cycle() {
        let start_of_text = Instant::now();
        encoder.encode_one(text)?;
        times.push(start_of_text.elapsed());
        if start.elapsed().as_secs_f64() > seconds {
            break;
        }
    }
    times.sort_unstable();
    Ok(times)
}

/// Texts per second, all in one call, the best of several calls.
fn together(encoder: &Encoder, texts: &[&str], seconds: f64) -> Result<f64, Box<dyn Error>> {
    let mut best: f64 = 0.0;
    let start = Instant::now();
    while best == 0.0 || start.elapsed().as_secs_f64() < seconds {
        let start_of_call = Instant::now();
        encoder.encode(texts)?;
        best = best.max(texts.len() as f64 / start_of_call.elapsed().as_secs_f64());
    }
    Ok(best)
}
