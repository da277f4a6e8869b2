// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Bounds} from "./Bounds.sol";
import {IVault} from "./IVault.sol";

/// @title Vault
/// @notice Holds every token of the market; see IVault. It knows one token, whose transfers move exactly their amount and
/// call nobody. Nobody has a power over it, not even whoever deployed it: its offices are addresses at which contracts of
/// the same deployment stand, computed before they are there.
contract Vault is IVault {
    using SafeERC20 for IERC20;

    uint256 public constant MAX_UNBONDING_TIME = 90 days;

    IERC20 private immutable _token;
    address public immutable market;
    address public immutable verifiers;
    address public immutable swarms;
    uint256 public immutable unbondingTime;

    mapping(address account => Account) private _accounts;
    mapping(address office => mapping(address account => mapping(bytes32 obligation => uint256))) public lockedFor;
    mapping(address office => mapping(uint256 escrow => uint256)) public escrowOf;

    modifier onlyOffice() {
        if (msg.sender != market && msg.sender != verifiers && msg.sender != swarms) revert NotOffice(msg.sender);
        _;
    }

    /// @param unbondingTime_ How long stake unbonds, in seconds
    constructor(IERC20 token_, address market_, address verifiers_, address swarms_, uint256 unbondingTime_) {
        Bounds.isContract("token", address(token_));
        // Amounts are kept in 96 bits.
        Bounds.within("supply", token_.totalSupply(), 1, type(uint96).max);
        Bounds.isSet("market", market_);
        Bounds.isSet("verifiers", verifiers_);
        Bounds.isSet("swarms", swarms_);
        Bounds.within("unbondingTime", unbondingTime_, 1, MAX_UNBONDING_TIME);
        _token = token_;
        market = market_;
        verifiers = verifiers_;
        swarms = swarms_;
        unbondingTime = unbondingTime_;
    }

    // For everyone ----------------------------------------------------------------------------------------------------

    /// @inheritdoc IVault
    function deposit(address account, uint256 amount) external {
        Bounds.isSet("account", account);
        _deposit(msg.sender, account, amount);
    }

    /// @inheritdoc IVault
    function depositWithPermit(address owner, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        // Whoever sees the permit may have used it before: then the allowance decides.
        try IERC20Permit(address(_token)).permit(owner, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(owner, owner, amount);
    }

    /// @inheritdoc IVault
    function withdraw(address to, uint256 amount) external {
        Account storage account = _accounts[msg.sender];
        account.credit = _minus("credit", account.credit, amount);
        emit Withdrawn(msg.sender, to, amount);
        _token.safeTransfer(to, amount);
    }

    /// @inheritdoc IVault
    function stake(uint256 amount) external {
        Account storage account = _accounts[msg.sender];
        account.credit = _minus("credit", account.credit, amount);
        account.stake += uint96(amount);
        emit Staked(msg.sender, amount);
    }

    /// @inheritdoc IVault
    function unstake(uint256 amount) external {
        Account storage account = _accounts[msg.sender];
        _minus("stake", account.stake - account.locked, amount);
        uint256 until = block.timestamp + unbondingTime;
        account.stake -= uint96(amount);
        account.unbonding += uint96(amount);
        account.until = uint40(until);
        emit Unstaked(msg.sender, amount, until);
    }

    /// @inheritdoc IVault
    function release() external {
        Account storage account = _accounts[msg.sender];
        uint96 amount = account.unbonding;
        if (amount == 0) revert NotEnough("unbonding", 1, 0);
        if (block.timestamp < account.until) revert StillUnbonding(msg.sender, block.timestamp, account.until);
        account.unbonding = 0;
        account.credit += amount;
        emit Released(msg.sender, amount);
    }

    // For offices -----------------------------------------------------------------------------------------------------

    /// @inheritdoc IVault
    function lock(address account, bytes32 obligation, uint256 amount) external onlyOffice {
        Account storage of_ = _accounts[account];
        _minus("stake", of_.stake - of_.locked, amount);
        of_.locked += uint96(amount);
        lockedFor[msg.sender][account][obligation] += amount;
        emit Locked(msg.sender, account, obligation, amount);
    }

    /// @inheritdoc IVault
    function unlock(address account, bytes32 obligation, uint256 amount) external onlyOffice {
        _free(account, obligation, amount);
        emit Unlocked(msg.sender, account, obligation, amount);
    }

    /// @inheritdoc IVault
    function slash(address account, bytes32 obligation, uint256 amount, address to) external onlyOffice {
        Bounds.isSet("to", to);
        _free(account, obligation, amount);
        _accounts[account].stake -= uint96(amount);
        _accounts[to].credit += uint96(amount);
        emit Slashed(msg.sender, account, obligation, amount, to, 0);
    }

    /// @inheritdoc IVault
    function slashInto(address account, bytes32 obligation, uint256 amount, uint256 escrow) external onlyOffice {
        _free(account, obligation, amount);
        _accounts[account].stake -= uint96(amount);
        escrowOf[msg.sender][escrow] += amount;
        emit Slashed(msg.sender, account, obligation, amount, address(0), escrow);
    }

    /// @inheritdoc IVault
    function fund(address account, uint256 escrow, uint256 amount) external onlyOffice {
        Account storage of_ = _accounts[account];
        of_.credit = _minus("credit", of_.credit, amount);
        escrowOf[msg.sender][escrow] += amount;
        emit Funded(msg.sender, escrow, account, amount);
    }

    /// @inheritdoc IVault
    function pay(uint256 escrow, address to, uint256 amount) external onlyOffice {
        Bounds.isSet("to", to);
        uint256 available = escrowOf[msg.sender][escrow];
        if (amount > available) revert NotEnough("escrow", amount, available);
        escrowOf[msg.sender][escrow] = available - amount;
        _accounts[to].credit += uint96(amount);
        emit Paid(msg.sender, escrow, to, amount);
    }

    // Reads -----------------------------------------------------------------------------------------------------------

    /// @inheritdoc IVault
    function getAccount(address account) external view returns (Account memory) {
        return _accounts[account];
    }

    /// @inheritdoc IVault
    function freeStake(address account) external view returns (uint256) {
        Account storage of_ = _accounts[account];
        return of_.stake - of_.locked;
    }

    /// @inheritdoc IVault
    function token() external view returns (address) {
        return address(_token);
    }

    function _deposit(address from, address account, uint256 amount) private {
        // What the token's supply bounds fits: the transfer fails where the owner has less.
        _token.safeTransferFrom(from, address(this), amount);
        _accounts[account].credit += uint96(amount);
        emit Deposited(from, account, amount);
    }

    /// Takes an amount off what is locked for an obligation. It stays in the stake.
    function _free(address account, bytes32 obligation, uint256 amount) private {
        uint256 available = lockedFor[msg.sender][account][obligation];
        if (amount > available) revert NotEnough("obligation", amount, available);
        lockedFor[msg.sender][account][obligation] = available - amount;
        _accounts[account].locked -= uint96(amount);
    }

    /// Every subtraction is checked here, so the casts above lose nothing: nobody has more than the token's supply.
    function _minus(bytes32 what, uint96 available, uint256 amount) private pure returns (uint96) {
        if (amount > available) revert NotEnough(what, amount, available);
        return available - uint96(amount);
    }
}
