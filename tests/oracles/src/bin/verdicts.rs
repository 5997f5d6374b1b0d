//! The guard's verdict on each line of standard input, for `test_addresses.py`: an address as 8 or
//! 32 hexadecimal digits, or a URL. Writes a reason code, or `ok`.

use std::io::{BufWriter, Error, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::guard::{DenyReason, EgressPolicy};

fn main() -> Result<(), Error> {
    let policy = EgressPolicy::default();
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lines() {
        let verdict = judge(&policy, &line?).map_err(Error::other)?;
        writeln!(out, "{}", verdict.map_or_else(DenyReason::code, |()| "ok"))?;
    }
    out.flush()
}

fn judge(
    policy: &EgressPolicy,
    line: &str,
) -> Result<Result<(), DenyReason>, std::num::ParseIntError> {
    if line.contains("://") {
        return Ok(policy.parse(line).map(|_| ()));
    }
    let bits = u128::from_str_radix(line, 16)?;
    let address = match u32::try_from(bits) {
        Ok(bits) if line.len() == 8 => IpAddr::from(Ipv4Addr::from_bits(bits)),
        _ => Ipv6Addr::from_bits(bits).into(),
    };
    Ok(policy.check_address(address))
}
