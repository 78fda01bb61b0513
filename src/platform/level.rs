//! The levels of x86-64 CPUs (x86-64 psABI, "Micro-Architecture Levels"): what a program for one needs, and what of it this
//! machine's CPU lacks.

/// What a CPU of this name, in the words of `-Ctarget-cpu`, has and this machine's lacks: `avx512f, avx512bw`.
///
/// `None` if nothing, or if it can't be known.
pub fn missing(cpu: &str) -> Option<String> {
    let missing = lacking(level(cpu)?, &features());
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// Whether a CPU, in the words of `-Ctarget-cpu`, is a level and no product.
pub fn is_level(cpu: &str) -> bool {
    cpu == "x86-64" || level(cpu).is_some()
}

/// The number of a level: 3 of `x86-64-v3`.
fn level(cpu: &str) -> Option<u8> {
    cpu.strip_prefix("x86-64-v")?.parse().ok()
}

/// What a level has that is not among these features, each of which has the level that brings it.
fn lacking(level: u8, features: &[(u8, &'static str, bool)]) -> Vec<&'static str> {
    let needed = features.iter().filter(|(since, ..)| *since <= level);
    needed.filter(|(.., is_there)| !is_there).map(|(_, name, _)| *name).collect()
}

/// What each level brings, and whether this CPU has it.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<(u8, &'static str, bool)> {
    macro_rules! features {
        ($($level:literal: [$($name:tt)+])+) => {
            vec![$($(($level, $name, std::is_x86_feature_detected!($name))),+),+]
        };
    }
    features!(
        2: ["cmpxchg16b" "popcnt" "sse3" "sse4.1" "sse4.2" "ssse3"]
        3: ["avx" "avx2" "bmi1" "bmi2" "f16c" "fma" "lzcnt" "movbe"]
        4: ["avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl"]
    )
}

/// Nothing is known of a CPU that is not there.
#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<(u8, &'static str, bool)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_what_those_below_it_have() {
        let features = [(2, "popcnt", true), (3, "avx2", false), (3, "fma", true), (4, "avx512f", false)];
        assert_eq!(lacking(2, &features), [""; 0]);
        assert_eq!(lacking(3, &features), ["avx2"]);
        assert_eq!(lacking(4, &features), ["avx2", "avx512f"]);
        assert_eq!((level("x86-64-v4"), level("x86-64"), level("znver4")), (Some(4), None, None));
    }
}
