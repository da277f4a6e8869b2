// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Reputation, as others see it
/// @notice Arithmetic over public outcomes, which anyone can do again from the events. The score is the sum of the
/// protocol fees that an account's settled slices paid, each of which halves every 30 days; a slash makes it zero.
/// It costs fees to gain, so that trading with oneself costs.
///
/// The score in exact terms. A day is `timestamp / 86400`. From day a to a later day b a score s becomes
///
///     s * power(DAILY, b - a) / 2**64        DAILY = floor(2**64 * 2**(-1/30)) = 18025419856780639094
///
/// where every division rounds down, and power(f, n) is: r = 2**64; while n > 0: if n is odd, r = r * f / 2**64;
/// f = f * f / 2**64; n = n / 2. After 3,840 days (128 halvings) it is zero. A fee is added after the decay.
/// discount = 1000 * score / (score + scale).
interface IReputation {
    enum Outcome {
        Completed, // a slice was settled
        Late, // no receipt, or no claim, in time
        Failed, // a claim fell, or its provider was silent in the audit
        Declined, // the inputs were not to be had: costs nothing
        Slashed // as an auditor
    }

    struct Record {
        uint96 score; // at `day`, in tokens
        uint32 day;
        uint32 completed;
        uint32 late;
        uint32 failed;
        uint32 declined;
        uint32 slashed; // how often: late and failed count here too
    }

    /// `score` is the one after it.
    event Recorded(address indexed account, address indexed office, Outcome outcome, uint256 fee, uint256 score);

    error NotOffice(address sender);

    /// @notice Notes an outcome down. For Market and Audits. Late, Failed and Slashed make the score zero.
    /// @param fee The protocol fee that a completed slice paid; else zero
    function record(address account, Outcome outcome, uint256 fee) external;

    /// @notice An account's score now.
    function scoreOf(address account) external view returns (uint256);

    /// @notice What is taken off an account's price when bids are compared, of 10,000; at most 1,000.
    function discountOf(address account) external view returns (uint256);
    function recordOf(address account) external view returns (Record memory);

    /// @notice The score that earns half of the greatest discount.
    function scale() external view returns (uint256);
}
