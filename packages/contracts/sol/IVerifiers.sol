// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Verifiers, as others see them
/// @notice Who can be drawn as an auditor, with what weight. An enrolled verifier's weight is the stake that it has
/// locked here. Nobody may steer a draw by enrolling or leaving once its randomness shows, so a changed weight counts
/// only after `delay` seconds, and changes are applied in the order in which they were asked for. `delay` is longer than
/// a draw takes.
///
/// A duty is something that a verifier has begun and may be slashed for: an audit that it was drawn for, a secret that it
/// has to reveal. Stake stays locked until the last duty has ended.
interface IVerifiers {
    struct Enrolment {
        uint96 locked; // of the account's stake, for this
        uint32 place; // in the sum tree, from 1; zero: not enrolled
        uint32 duties; // that have not ended
        uint32 changes; // that are not applied yet
        bool leaving;
    }

    event Enrolled(address indexed account, uint256 locked, uint256 due);
    event Leaving(address indexed account, uint256 due);
    event Left(address indexed account, uint256 unlocked);
    event WeightApplied(address indexed account, uint256 weight, uint256 total);
    event DutyBegun(address indexed account, address indexed office, uint256 duties);
    event DutyEnded(address indexed account, address indexed office, uint256 duties);
    event VerifierSlashed(address indexed account, address indexed office, uint256 amount, uint256 left, address to);

    error NotOffice(address sender);
    /// The key has no delegation for what it wants to do.
    error NoAccount(address key, uint256 scope);
    error NotEnrolled(address account);
    error AlreadyLeaving(address account);
    error TooManyVerifiers(uint256 count, uint256 most);
    error TooManyChanges(address account, uint256 count, uint256 most);
    /// Call `applyChanges` first.
    error ChangesDue(uint256 first);
    error NobodyToPick();

    // For verifiers: the account, or a key of it with the scope VERIFY -------------------------------------------------

    /// @notice Locks free stake of the account here. The first time it must reach `minimumWeight`.
    function enroll(uint256 amount) external;

    /// @notice The verifier is drawn no more after `delay`; when that has passed and its duties have ended, its stake is
    /// unlocked.
    function leave() external;

    // For everyone ----------------------------------------------------------------------------------------------------

    /// @notice Applies changes that are due, oldest first.
    /// @param most How many at most
    /// @return applied How many it were
    function applyChanges(uint256 most) external returns (uint256 applied);

    // For offices: Audits and the draw --------------------------------------------------------------------------------

    function beginDuty(address account) external;
    function endDuty(address account) external;

    /// @notice Slashes a verifier; what is left below `minimumWeight` leaves.
    /// @return slashed The amount, or what was still locked if that is less
    function slash(address account, uint256 amount, address to) external returns (uint256 slashed);

    // Reads -----------------------------------------------------------------------------------------------------------

    /// @notice The verifier at `random` modulo the total weight.
    function pick(uint256 random) external view returns (address account);

    /// @notice Distinct verifiers, each drawn by weight among those that are left: without the excluded accounts and
    /// without those already picked. Fewer than `count` where no weight is left.
    /// @param count At most 8
    /// @param excluded At most 256; those that are not enrolled cost little
    function pickDistinct(bytes32 random, uint256 count, address[] calldata excluded)
        external
        view
        returns (address[] memory picked);

    /// @notice The weight that counts in draws now.
    function weightOf(address account) external view returns (uint256);
    function totalWeight() external view returns (uint256);
    function enrolmentOf(address account) external view returns (Enrolment memory);
    function verifierCount() external view returns (uint256);
    function minimumWeight() external view returns (uint256);
    function delay() external view returns (uint256);
}
