// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Vault, as others see it
/// @notice The one contract that holds tokens. An account has credit (free), stake (part of it locked for obligations)
/// and stake on its way out (unbonding). Escrows belong to no account: they wait for whoever earns them.
/// What the Vault holds is always the sum of all of these.
///
/// Offices are the contracts that may lock, slash and pay: Market, Verifiers and Swarms. They are fixed when the Vault is deployed.
/// (Audits and the draw slash verifiers through Verifiers, which keeps the weights.) An office reaches only the obligations that it made and the escrows that it filled: equal numbers of two
/// offices are different obligations and different escrows.
interface IVault {
    /// @dev In this order in two words of storage: stake and locked change together, credit and unbonding too.
    struct Account {
        uint96 stake; // locked included
        uint96 locked;
        uint96 credit;
        uint96 unbonding;
        uint40 until; // when the unbonding part is free
    }

    event Deposited(address indexed from, address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    event Staked(address indexed account, uint256 amount);
    event Unstaked(address indexed account, uint256 amount, uint256 until);
    event Released(address indexed account, uint256 amount);
    event Locked(address indexed office, address indexed account, bytes32 indexed obligation, uint256 amount);
    event Unlocked(address indexed office, address indexed account, bytes32 indexed obligation, uint256 amount);
    /// `to` has the slashed stake as credit; or, where `to` is zero, it is in the office's escrow of this number.
    event Slashed(
        address indexed office,
        address indexed account,
        bytes32 indexed obligation,
        uint256 amount,
        address to,
        uint256 escrow
    );
    event Funded(address indexed office, uint256 indexed escrow, address indexed account, uint256 amount);
    event Paid(address indexed office, uint256 indexed escrow, address indexed to, uint256 amount);

    error NotOffice(address sender);
    /// `what` is credit, stake (free of obligations), unbonding, obligation or escrow.
    error NotEnough(bytes32 what, uint256 amount, uint256 available);
    error StillUnbonding(address account, uint256 time, uint256 until);

    // For everyone ----------------------------------------------------------------------------------------------------

    /// @notice Takes tokens that the sender has approved and credits them to an account.
    function deposit(address account, uint256 amount) external;

    /// @notice The same with the owner's permit, to the owner's own credit. So anyone may carry it. A permit that was
    /// already used is no fault where the allowance is there.
    function depositWithPermit(address owner, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Pays out of the sender's credit.
    function withdraw(address to, uint256 amount) external;

    /// @notice The sender's credit becomes stake.
    function stake(uint256 amount) external;

    /// @notice Stake of the sender that is not locked begins to unbond. What was unbonding already waits with it.
    function unstake(uint256 amount) external;

    /// @notice What has unbonded becomes credit of the sender.
    function release() external;

    // For offices -----------------------------------------------------------------------------------------------------

    /// @notice Locks free stake of an account for an obligation of the calling office, which may have some already.
    function lock(address account, bytes32 obligation, uint256 amount) external;

    /// @notice Frees part of what is locked for an obligation, or all of it.
    function unlock(address account, bytes32 obligation, uint256 amount) external;

    /// @notice Part of what is locked for an obligation becomes credit of someone else.
    function slash(address account, bytes32 obligation, uint256 amount, address to) external;

    /// @notice Part of what is locked for an obligation goes to an escrow of the calling office.
    function slashInto(address account, bytes32 obligation, uint256 amount, uint256 escrow) external;

    /// @notice Credit of an account goes to an escrow of the calling office.
    function fund(address account, uint256 escrow, uint256 amount) external;

    /// @notice Part of an escrow of the calling office becomes credit.
    function pay(uint256 escrow, address to, uint256 amount) external;

    // Reads -----------------------------------------------------------------------------------------------------------

    function getAccount(address account) external view returns (Account memory);

    /// @notice Stake of an account that is not locked.
    function freeStake(address account) external view returns (uint256);
    function lockedFor(address office, address account, bytes32 obligation) external view returns (uint256);
    function escrowOf(address office, uint256 escrow) external view returns (uint256);

    function token() external view returns (address);
    function market() external view returns (address);
    function verifiers() external view returns (address);
    function swarms() external view returns (address);
    /// @notice How long stake unbonds, in seconds.
    function unbondingTime() external view returns (uint256);
}
